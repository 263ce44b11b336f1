// The loops of loops.h: one source, which Highway compiles once for each level of the processor
// and of which it takes the best at run time.
// Owns nothing. Any thread. Promises: the same bytes on every level.

#include "../levels.h"
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS IMGRING_LEVELS_OFF_OF_SETS
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/codec/jpeg/loops.cc"
#include <hwy/foreach_target.h>  // includes this file for each level but the last
#include <hwy/highway.h>

#include <cstring>

#include "loops.h"

HWY_BEFORE_NAMESPACE();
namespace imgring::codec::jpeg::HWY_NAMESPACE {
#if HWY_TARGET == HWY_SCALAR

const Loops* wide_loops() { return nullptr; }

#else
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using D16 = hn::CappedTag<std::int16_t, kLanes>;
using D8 = hn::Repartition<std::uint8_t, D16>;
using Half8 = hn::Rebind<std::uint8_t, D16>;  // as many as there are lanes of 16 bit
using V = hn::Vec<D16>;
constexpr D16 d16;
constexpr D8 d8;
constexpr Half8 half8;
constexpr int kStep = static_cast<int>(hn::MaxLanes(d16));

// Sums saturate: broken coefficients become rubbish, not undefined.
HWY_INLINE V add(V a, V b) { return hn::SaturatedAdd(a, b); }
HWY_INLINE V sub(V a, V b) { return hn::SaturatedSub(a, b); }
constexpr std::int16_t fixed15(double x) {
  return static_cast<std::int16_t>(x * 32768 + (x < 0 ? -0.5 : 0.5));
}
HWY_INLINE V times(V a, std::int16_t factor) {
  return hn::MulFixedPoint15(a, hn::Set(d16, factor));
}

template <int N>
HWY_INLINE void inverse(V* x);

template <>
HWY_INLINE void inverse<1>(V*) {}

template <>
HWY_INLINE void inverse<2>(V* x) {
  const V sum = add(x[0], x[1]);
  x[1] = sub(x[0], x[1]);
  x[0] = sum;
}

template <>
HWY_INLINE void inverse<4>(V* x) {
  constexpr std::int16_t kTan = fixed15(0.41421356237309503);  // of pi / 8
  const V even0 = add(x[0], x[2]), even1 = sub(x[0], x[2]);
  const V odd0 = add(x[1], times(x[3], kTan)), odd1 = sub(times(x[1], kTan), x[3]);
  x[0] = add(even0, odd0);
  x[1] = add(even1, odd1);
  x[2] = sub(even1, odd1);
  x[3] = sub(even0, odd0);
}

// The factorisation of Arai, Agui and Nakajima, but for one rotation: written out it takes one
// product more, and what is between has two thirds of the size.
template <>
HWY_INLINE void inverse<8>(V* x) {
  constexpr std::int16_t kRoot = fixed15(0.41421356237309503);  // of 2, less 1
  // 2 cos(pi / 8), less 1; 2 sin(pi / 8).
  constexpr std::int16_t kCos = fixed15(0.84775906502257351), kSin = fixed15(0.76536686473017956);
  const V even_sum = add(x[0], x[4]), even_difference = sub(x[0], x[4]);
  const V turn_sum = add(x[2], x[6]), turn = sub(x[2], x[6]);
  const V turned = sub(add(turn, times(turn, kRoot)), turn_sum);
  const V e0 = add(even_sum, turn_sum), e3 = sub(even_sum, turn_sum);
  const V e1 = add(even_difference, turned), e2 = sub(even_difference, turned);
  const V a = add(x[5], x[3]), b = sub(x[5], x[3]);
  const V c = add(x[1], x[7]), d = sub(x[1], x[7]);
  const V o0 = add(c, a);
  const V across = sub(c, a), across_root = add(across, times(across, kRoot));
  const V o1 = sub(sub(add(d, times(d, kCos)), times(b, kSin)), o0);
  const V o2 = sub(across_root, o1);
  const V o3 = sub(add(add(b, times(b, kCos)), times(d, kSin)), o2);
  x[0] = add(e0, o0);
  x[7] = sub(e0, o0);
  x[1] = add(e1, o1);
  x[6] = sub(e1, o1);
  x[2] = add(e2, o2);
  x[5] = sub(e2, o2);
  x[3] = add(e3, o3);
  x[4] = sub(e3, o3);
}

// Averaging pixels folds high coefficients onto low ones: of 8 cosines seen at 4 places, number
// 8 - u is minus number u; at 2 places, 3, 5 and 7 are like 1. Signs are in the weights.
template <int N, JpegKernel kKernel>
HWY_INLINE void inverse_folded(V* x) {
  if constexpr (kKernel == JpegKernel::kBox && N == 2) {  // 0 1 3 5 7
    x[1] = add(add(x[1], x[2]), add(x[3], x[4]));
  } else if constexpr (kKernel == JpegKernel::kBox && N == 4) {  // 0 1 2 3 5 6 7
    x[1] = add(x[1], x[6]);
    x[2] = add(x[2], x[5]);
    x[3] = add(x[3], x[4]);
  }
  inverse<N>(x);
}

template <int N, JpegKernel kKernel>
constexpr int kInputs = kKernel == JpegKernel::kLow || N == 1 || N == 8 ? N
                        : N == 2                                        ? 5
                                                                        : 7;

// Two neighbouring pixels of each block as one lane: both are bytes already.
HWY_INLINE V pair(V left, V right) { return hn::Or(left, hn::ShiftLeft<8>(right)); }

HWY_INLINE void store(V pixels, std::uint8_t* out) { hn::StoreU(hn::BitCast(d8, pixels), d8, out); }
#if HWY_MAX_BYTES == 16
HWY_INLINE void store_two(V first, V second, std::uint8_t* out, int) {
  store(first, out);
  store(second, out + 16);
}
#else
// Halves of the registers hold blocks that lie 8 apart: `apart` bytes of the row.
HWY_INLINE void store_two(V first, V second, std::uint8_t* out, int apart) {
  store(hn::ConcatLowerLower(d16, second, first), out);
  store(hn::ConcatUpperUpper(d16, second, first), out + apart);
}
#endif

template <int N>
HWY_INLINE void store_pixels(const V* x, std::uint8_t* out) {  // x[i]: pixel i of each block
  using D32 = hn::Repartition<std::int32_t, D16>;
  constexpr D32 d32;
  if constexpr (N == 1) {
    hn::StoreU(hn::DemoteTo(half8, x[0]), half8, out);
  } else if constexpr (N == 2) {
    store(pair(x[0], x[1]), out);
  } else if constexpr (N == 4) {
    const V left = pair(x[0], x[1]), right = pair(x[2], x[3]);
    store_two(hn::InterleaveLower(d16, left, right), hn::InterleaveUpper(d16, left, right), out,
              32);
  } else {
    const V p01 = pair(x[0], x[1]), p23 = pair(x[2], x[3]);
    const V p45 = pair(x[4], x[5]), p67 = pair(x[6], x[7]);
    const auto left0 = hn::BitCast(d32, hn::InterleaveLower(d16, p01, p23));
    const auto left1 = hn::BitCast(d32, hn::InterleaveUpper(d16, p01, p23));
    const auto right0 = hn::BitCast(d32, hn::InterleaveLower(d16, p45, p67));
    const auto right1 = hn::BitCast(d32, hn::InterleaveUpper(d16, p45, p67));
    store_two(hn::BitCast(d16, hn::InterleaveLower(d32, left0, right0)),
              hn::BitCast(d16, hn::InterleaveUpper(d32, left0, right0)), out, 64);
    store_two(hn::BitCast(d16, hn::InterleaveLower(d32, left1, right1)),
              hn::BitCast(d16, hn::InterleaveUpper(d32, left1, right1)), out + 32, 64);
  }
}

HWY_INLINE V pixel(V fine) {
  const V whole = hn::ShiftRight<kFractionBits>(fine);
  return hn::Min(hn::Max(whole, hn::Zero(d16)), hn::Set(d16, 255));
}

HWY_INLINE V weighed(const std::int16_t* coefficients, Dequant dequant) {
  const V raw = hn::LoadU(d16, coefficients);
  return add(hn::Mul(raw, hn::Set(d16, dequant.whole)), times(raw, dequant.fraction));
}

// As many blocks as a register has lanes.
template <int NX, int NY, JpegKernel kKernel>
HWY_INLINE void transform_some(const std::int16_t* set, const Dequant* dequant, std::uint8_t* out,
                               std::ptrdiff_t stride) {
  constexpr int kX = kInputs<NX, kKernel>, kY = kInputs<NY, kKernel>;
  // 128, and a half for the last rounding, ride on the DC.
  constexpr std::int16_t kBias = (128 << kFractionBits) + (1 << (kFractionBits - 1));
  V columns[kX][kY];
  for (int u = 0; u < kX; ++u) {
    for (int v = 0; v < kY; ++v) {
      const int slot = v * kX + u;
      columns[u][v] = weighed(set + slot * kLanes, dequant[slot]);
    }
    if (u == 0) columns[0][0] = add(columns[0][0], hn::Set(d16, kBias));
    inverse_folded<NY, kKernel>(columns[u]);
  }
  for (int y = 0; y < NY; ++y, out += stride) {
    V row[kX];
    for (int u = 0; u < kX; ++u) row[u] = columns[u][y];
    inverse_folded<NX, kKernel>(row);
    for (int x = 0; x < NX; ++x) row[x] = pixel(row[x]);
    store_pixels<NX>(row, out);
  }
}

template <int NX, int NY, JpegKernel kKernel>
void transform(const std::int16_t* set, const Dequant* dequant, std::uint8_t* out,
               std::ptrdiff_t stride) {
  for (int lane = 0; lane < kLanes; lane += kStep)
    transform_some<NX, NY, kKernel>(set + lane, dequant, out + lane * NX, stride);
}

struct TransformRow {
  TransformSize size;
  SetTransform low, box;
};
template <int NX, int NY>
constexpr TransformRow row_of() {
  return {{NX, NY}, transform<NX, NY, JpegKernel::kLow>, transform<NX, NY, JpegKernel::kBox>};
}
constexpr TransformRow kTransforms[] = {
    row_of<1, 1>(), row_of<2, 2>(), row_of<4, 4>(), row_of<8, 8>(), row_of<2, 1>(), row_of<4, 2>(),
    row_of<8, 4>(), row_of<1, 2>(), row_of<2, 4>(), row_of<4, 8>(), row_of<4, 1>(), row_of<8, 2>()};

SetTransform transform_of(JpegKernel kernel, TransformSize size) {
  for (const TransformRow& row : kTransforms) {
    if (row.size == size) return kernel == JpegKernel::kLow ? row.low : row.box;
  }
  return nullptr;
}

bool unstuff(Unstuffing* u) {
  constexpr hn::CappedTag<std::uint8_t, kRegisterBytesMax> d;
  constexpr std::ptrdiff_t kBytes = hn::MaxLanes(d);
  const auto ones = hn::Set(d, 0xFF);
  const std::uint8_t* in = u->in;
  std::uint8_t* out = u->out;
  bool ended = false;
  while (out < u->out_limit && !ended) {
    if (u->in_end - in >= kBytes) {
      const auto bytes = hn::LoadU(d, in);
      hn::StoreU(bytes, d, out);
      const std::ptrdiff_t found = hn::FindFirstTrue(d, hn::Eq(bytes, ones));
      in += found < 0 ? kBytes : found;
      out += found < 0 ? kBytes : found;
      if (found < 0) continue;
    } else if (in < u->in_end && *in != 0xFF) {
      *out++ = *in++;
      continue;
    }
    ended = u->in_end - in < 2 || in[1] != 0;  // the end, or a marker
    if (ended) break;
    *out++ = 0xFF;
    in += 2;
  }
  u->in = in;
  u->out = out;
  return ended;
}

// Colours in steps of 1/64, the most that 16 bit have room for: weights are in steps of 2^-13, and
// 2^8 * 2^13 / 2^15 is 2^6.
constexpr int kColourBits = 6, kChromaBits = 8;
HWY_INLINE V part(V chroma, std::int16_t weight) {
  return hn::MulFixedPoint15(chroma, hn::Set(d16, weight));
}
constexpr std::int16_t weight13(double x) { return fixed15(x / 4); }
HWY_INLINE V chroma_at(const std::uint8_t* plane) {
  const V wide = hn::PromoteTo(d16, hn::LoadU(half8, plane));
  return hn::ShiftLeft<kChromaBits>(hn::Sub(wide, hn::Set(d16, 128)));
}
HWY_INLINE hn::Vec<Half8> narrowed(V fine) {
  return hn::DemoteTo(half8, hn::ShiftRight<kColourBits>(fine));
}

void colour(const ColourPlanes& planes, std::uint8_t* rgb, int count) {
  for (int x = 0; x < count; x += kStep) {
    const V luma = hn::PromoteTo(d16, hn::LoadU(half8, planes.first + x));
    const V y = hn::Add(hn::ShiftLeft<kColourBits>(luma), hn::Set(d16, 1 << (kColourBits - 1)));
    const V cb = chroma_at(planes.second + x), cr = chroma_at(planes.third + x);
    const V green = hn::Add(part(cb, weight13(-0.344136286)), part(cr, weight13(-0.714136286)));
    hn::StoreInterleaved3(narrowed(hn::Add(y, part(cr, weight13(1.402)))),
                          narrowed(hn::Add(y, green)),
                          narrowed(hn::Add(y, part(cb, weight13(1.772)))), half8, rgb + 3 * x);
  }
}

void interleave(const ColourPlanes& planes, std::uint8_t* rgb, int count) {
  for (int x = 0; x < count; x += kStep) {
    hn::StoreInterleaved3(hn::LoadU(half8, planes.first + x), hn::LoadU(half8, planes.second + x),
                          hn::LoadU(half8, planes.third + x), half8, rgb + 3 * x);
  }
}

void blend(const std::uint8_t* near, const std::uint8_t* far, std::int16_t* sums, int count) {
  const V three = hn::Set(d16, 3);
  for (int x = 0; x < count; x += kStep) {
    const V weighed_near = hn::Mul(hn::PromoteTo(d16, hn::LoadU(half8, near + x)), three);
    const V wide_far = hn::PromoteTo(d16, hn::LoadU(half8, far + x));
    hn::StoreU(hn::Add(weighed_near, wide_far), d16, sums + x);
  }
}

void narrow(const std::int16_t* sums, int half, std::uint8_t* out, int count) {
  const V rounding = hn::Set(d16, static_cast<std::int16_t>(half));
  for (int x = 0; x < count; x += kStep) {
    const V whole = hn::ShiftRight<2>(hn::Add(hn::LoadU(d16, sums + x), rounding));
    hn::StoreU(hn::DemoteTo(half8, whole), half8, out + x);
  }
}

template <int kShift>
HWY_INLINE void widen_by(const std::int16_t* sums, std::uint8_t* out, int count) {
  constexpr std::int16_t kLeft = kShift == 2 ? 1 : 8, kRight = kShift == 2 ? 2 : 7;
  const V three = hn::Set(d16, 3), left = hn::Set(d16, kLeft), right = hn::Set(d16, kRight);
  for (int x = 0; x < count; x += kStep) {
    const V own = hn::Mul(hn::LoadU(d16, sums + x), three);
    const V even = hn::Add(hn::Add(own, hn::LoadU(d16, sums + x - 1)), left);
    const V odd = hn::Add(hn::Add(own, hn::LoadU(d16, sums + x + 1)), right);
    store(pair(hn::ShiftRight<kShift>(even), hn::ShiftRight<kShift>(odd)), out + 2 * x);
  }
}

void widen(const std::int16_t* sums, int shift, std::uint8_t* out, int count) {
  if (shift == 2) return widen_by<2>(sums, out, count);
  widen_by<4>(sums, out, count);
}

}  // namespace

const Loops* wide_loops() {
  static constexpr Loops kLoops{transform_of, unstuff, colour, interleave, blend, narrow, widen};
  return &kLoops;
}

#endif
}  // namespace imgring::codec::jpeg::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace imgring::codec::jpeg {

HWY_EXPORT(wide_loops);

bool supported() noexcept {
  constexpr bool kLittleEndian = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
  return kLittleEndian && HWY_DYNAMIC_DISPATCH(wide_loops)() != nullptr;
}

const Loops& loops() noexcept { return *HWY_DYNAMIC_DISPATCH(wide_loops)(); }

std::vector<NamedLoops> loops_of_all_levels() {
  std::vector<NamedLoops> all;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    if (supported()) all.push_back({hwy::TargetName(target), &loops()});
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  return all;
}

}  // namespace imgring::codec::jpeg
#endif
