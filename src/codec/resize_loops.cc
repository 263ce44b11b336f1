// The loops of resize.h for wide registers: one source, which Highway compiles once for each
// level of the processor (SSE4, AVX2, AVX-512; NEON) and of which it takes the best at run time.
// Where there is none, the plain loops stand in.
// Owns nothing. Any thread. Promises: the bytes of the plain loops.

#include "levels.h"
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS IMGRING_LEVELS_OFF
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/codec/resize_loops.cc"
#include <hwy/foreach_target.h>  // includes this file for each level but the last
#include <hwy/highway.h>

#include <cstring>

#include "resize_loops.h"

HWY_BEFORE_NAMESPACE();
namespace imgring::codec::HWY_NAMESPACE {
#if HWY_TARGET == HWY_SCALAR

const ResizeLoops* wide_loops() { return &plain_resize_loops(); }

#else
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Two neighbouring weights, or four, as one lane.
template <class Lane>
Lane lane(const void* bytes) noexcept {
  Lane value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

// Sums of products of neighbours, and what they start from. On x86 the products of two neighbours
// are added up at once; elsewhere they stand in two registers until the end. No initialisers: gcc
// compiles the constructor that it writes itself without wide registers.
template <class D32>
struct PairSums {
  using V32 = hn::Vec<D32>;
  V32 first, second, start;

  template <class V16>
  HWY_INLINE void add(V16 samples, V16 weights) {
    first = hn::ReorderWidenMulAccumulate(D32(), samples, weights, first, second);
  }
  HWY_INLINE V32 sum() const {
    const V32 products = hn::RearrangeToOddPlusEven(first, second);
    return HWY_ARCH_X86 ? products : hn::Add(products, start);
  }
};
template <class D32>
HWY_INLINE PairSums<D32> sums_from(D32 d32, std::int32_t start) {
  const auto all = hn::Set(d32, start), none = hn::Zero(d32);
  return {HWY_ARCH_X86 ? all : none, none, all};
}

void down(const std::uint8_t* const* rows, const std::int16_t* weights, int taps,
          std::size_t sample_count, std::int16_t* out) {
  constexpr hn::CappedTag<std::uint8_t, 32> d8;
  constexpr hn::Repartition<std::int16_t, decltype(d8)> d16;
  constexpr hn::Repartition<std::int32_t, decltype(d8)> d32;
  constexpr std::size_t kStep = hn::MaxLanes(d8);
  static_assert(kStep * sizeof(std::int16_t) <= kRowPadBytes);
  const auto zero = hn::Zero(d8);
  for (std::size_t x = 0; x < sample_count; x += kStep) {
    auto a = sums_from(d32, kDownHalf), b = a, c = a, d = a;
    for (int k = 0; k < taps; k += 2) {
      const auto w = hn::BitCast(d16, hn::Set(d32, lane<std::int32_t>(weights + k)));
      const auto one = hn::LoadU(d8, rows[k] + x), two = hn::LoadU(d8, rows[k + 1] + x);
      const auto low = hn::InterleaveLower(d8, one, two), high = hn::InterleaveUpper(d8, one, two);
      a.add(hn::BitCast(d16, hn::InterleaveLower(d8, low, zero)), w);
      b.add(hn::BitCast(d16, hn::InterleaveUpper(d8, low, zero)), w);
      c.add(hn::BitCast(d16, hn::InterleaveLower(d8, high, zero)), w);
      d.add(hn::BitCast(d16, hn::InterleaveUpper(d8, high, zero)), w);
    }
    const auto left = hn::ReorderDemote2To(d16, hn::ShiftRight<kDownBits>(a.sum()),
                                           hn::ShiftRight<kDownBits>(b.sum()));
    const auto right = hn::ReorderDemote2To(d16, hn::ShiftRight<kDownBits>(c.sum()),
                                            hn::ShiftRight<kDownBits>(d.sum()));
#if HWY_MAX_BYTES == 16
    hn::StoreU(left, d16, out + x);
    hn::StoreU(right, d16, out + x + kStep / 2);
#else
    // Halves of the registers hold samples that lie 16 apart.
    hn::StoreU(hn::ConcatLowerLower(d16, right, left), d16, out + x);
    hn::StoreU(hn::ConcatUpperUpper(d16, right, left), d16, out + x + kStep / 2);
#endif
  }
}

constexpr hn::FixedTag<std::int16_t, 8> kTwoPixels;
constexpr hn::FixedTag<std::uint8_t, 16> kBlock;
constexpr hn::FixedTag<std::int32_t, 4> kOnePixel;
constexpr hn::FixedTag<std::uint8_t, 4> kPixelBytes;

// The sums of a pixel, narrowed; bytes that are none of its own are the next pixel's to overwrite.
HWY_INLINE void put_pixel(hn::Vec<decltype(kOnePixel)> sums, std::uint8_t* out) {
  hn::StoreU(hn::DemoteTo(kPixelBytes, hn::ShiftRight<kAcrossBits>(sums)), kPixelBytes, out);
}

// Where the samples of two pixels lie when they stand side by side: R R, G G, B B, and A A or what
// follows.
template <int kBands>
constexpr std::uint8_t kSideBySide[16] = {0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15};
template <>
constexpr std::uint8_t kSideBySide<3>[16] = {0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11, 6, 7, 12, 13};

#if HWY_MAX_BYTES == 16
template <int kBands>
HWY_INLINE auto across_sums(const std::int16_t* p, const std::int16_t* weights, int taps_used) {
  const auto order = hn::LoadU(kBlock, kSideBySide<kBands>);
  auto sums = sums_from(kOnePixel, kAcrossHalf);
  for (int k = 0; k < taps_used; k += 2, p += 2 * kBands) {
    const auto two = hn::BitCast(kBlock, hn::LoadU(kTwoPixels, p));
    const auto some = hn::Set(kOnePixel, lane<std::int32_t>(weights + k));
    sums.add(hn::BitCast(kTwoPixels, hn::TableLookupBytes(two, order)),
             hn::BitCast(kTwoPixels, some));
  }
  return sums.sum();
}
#else
template <int kBands>
HWY_INLINE auto across_sums(const std::int16_t* p, const std::int16_t* weights, int taps) {
  // Four pixels: the first two in the low half, the others in the high half; their weights too.
  constexpr hn::FixedTag<std::int16_t, 16> d16;
  constexpr hn::FixedTag<std::uint8_t, 32> d8;
  constexpr hn::FixedTag<std::int32_t, 8> d32;
  constexpr hn::FixedTag<std::int64_t, 4> d64;
  alignas(32) static constexpr std::uint8_t kSpread[32] = {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2,
                                                           3, 0, 1, 2, 3, 4, 5, 6, 7, 4, 5,
                                                           6, 7, 4, 5, 6, 7, 4, 5, 6, 7};
  const auto order = hn::LoadDup128(d8, kSideBySide<kBands>);
  const auto spread = hn::Load(d8, kSpread);
  auto sums = sums_from(d32, 0);
  for (int k = 0; k < taps; k += kTapsStep, p += kTapsStep * kBands) {
    const auto four =
        hn::Combine(d16, hn::LoadU(kTwoPixels, p + 2 * kBands), hn::LoadU(kTwoPixels, p));
    const auto some = hn::BitCast(d8, hn::Set(d64, lane<std::int64_t>(weights + k)));
    sums.add(hn::BitCast(d16, hn::TableLookupBytes(hn::BitCast(d8, four), order)),
             hn::BitCast(d16, hn::TableLookupBytes(some, spread)));
  }
  const auto both = sums.sum();
  const auto sum = hn::Add(hn::LowerHalf(kOnePixel, both), hn::UpperHalf(kOnePixel, both));
  return hn::Add(sum, hn::Set(kOnePixel, kAcrossHalf));
}
#endif

template <int kBands>
void across(const std::int16_t* in, const AxisWeights& w, std::uint8_t* out) {
  static_assert(kBands == 3 || kBands == 4);
  const int taps = w.taps, taps_read = HWY_MAX_BYTES == 16 ? w.taps_used : taps;
  const std::int16_t* weights = w.weights.data();
  for (const int first : w.first) {
    const std::int16_t* p = in + static_cast<std::ptrdiff_t>(first) * kBands;
    put_pixel(across_sums<kBands>(p, weights, taps_read), out);
    out += kBands;
    weights += taps;
  }
}

// Grey, with alpha or without: four pixels at a time, added up across the register at the end.
void across_grey(const std::int16_t* in, const AxisWeights& w, std::uint8_t* out) {
  constexpr hn::FixedTag<std::int16_t, 4> kFour;
  constexpr hn::FixedTag<std::int32_t, 2> kPairs;
  constexpr hn::FixedTag<std::uint8_t, 2> kBytes;
  const auto half = hn::Set(kPairs, kAcrossHalf);
  const int taps = w.taps;
  const std::int16_t* weights = w.weights.data();
  for (const int first : w.first) {
    const std::int16_t* p = in + first;
    auto sums = sums_from(kPairs, 0);
    for (int k = 0; k < taps; k += kTapsStep, p += kTapsStep)
      sums.add(hn::LoadU(kFour, p), hn::LoadU(kFour, weights + k));
    const auto all = hn::Add(hn::SumOfLanes(kPairs, sums.sum()), half);
    hn::StoreU(hn::DemoteTo(kBytes, hn::ShiftRight<kAcrossBits>(all)), kBytes, out++);
    weights += taps;
  }
}

void across_grey_alpha(const std::int16_t* in, const AxisWeights& w, std::uint8_t* out) {
  alignas(16) static constexpr std::uint8_t kOrder[16] = {0, 1, 4,  5,  2,  3,  6,  7,
                                                          8, 9, 12, 13, 10, 11, 14, 15};
  // Weights of the first two pixels for grey and alpha, then those of the others.
  alignas(16) static constexpr std::uint8_t kSpread[16] = {0, 1, 2, 3, 0, 1, 2, 3,
                                                           4, 5, 6, 7, 4, 5, 6, 7};
  constexpr hn::FixedTag<std::int64_t, 2> d64;
  const auto order = hn::Load(kBlock, kOrder), spread = hn::Load(kBlock, kSpread);
  const auto half = hn::Set(kOnePixel, kAcrossHalf);
  const int taps = w.taps;
  const std::int16_t* weights = w.weights.data();
  for (const int first : w.first) {
    const std::int16_t* p = in + static_cast<std::ptrdiff_t>(first) * 2;
    auto sums = sums_from(kOnePixel, 0);
    for (int k = 0; k < taps; k += kTapsStep, p += kTapsStep * 2) {
      const auto four = hn::BitCast(kBlock, hn::LoadU(kTwoPixels, p));
      const auto some = hn::BitCast(kBlock, hn::Set(d64, lane<std::int64_t>(weights + k)));
      sums.add(hn::BitCast(kTwoPixels, hn::TableLookupBytes(four, order)),
               hn::BitCast(kTwoPixels, hn::TableLookupBytes(some, spread)));
    }
    const auto all = sums.sum();
    put_pixel(hn::Add(hn::Add(all, hn::Shuffle1032(all)), half), out);
    out += 2;
    weights += taps;
  }
}

template <int kBands>
void means(const std::uint16_t* sums, const BoxMeans& boxes, std::uint8_t* out) {
  static_assert(kBands >= 3);
  constexpr hn::FixedTag<std::uint16_t, 4> d16;
  const auto factor = hn::Set(kOnePixel, static_cast<std::int32_t>(mean_factor(boxes)));
  const auto half = hn::Set(kOnePixel, 1 << (kMeanBits - 1));
  constexpr hn::FixedTag<std::uint32_t, 4> kUnsigned;
  for (std::size_t i = 0; i < boxes.count; ++i, out += kBands) {
    auto box = hn::Zero(kOnePixel);
    for (int k = 0; k < boxes.across; ++k, sums += kBands)
      box = hn::Add(box, hn::PromoteTo(kOnePixel, hn::LoadU(d16, sums)));
    const auto wide = hn::BitCast(kUnsigned, hn::Add(hn::Mul(box, factor), half));
    const auto whole = hn::BitCast(kOnePixel, hn::ShiftRight<kMeanBits>(wide));
    hn::StoreU(hn::DemoteTo(kPixelBytes, whole), kPixelBytes, out);
  }
}

// Of grey pixels, eight boxes at once; how many were made, a multiple of eight.
template <int kAcross>
std::size_t grey_means(const std::uint16_t* sums, const BoxMeans& boxes, std::uint8_t* out) {
  constexpr hn::FixedTag<std::uint16_t, 8> d16;
  constexpr hn::Half<decltype(d16)> kFour;
  constexpr hn::FixedTag<std::uint32_t, 4> kUnsigned;
  const auto factor = hn::Set(kUnsigned, mean_factor(boxes));
  const auto half = hn::Set(kUnsigned, 1u << (kMeanBits - 1));
  const auto put = [&](auto four, std::uint8_t* at) HWY_ATTR {
    const auto whole = hn::Add(hn::Mul(hn::PromoteTo(kUnsigned, four), factor), half);
    const auto mean = hn::BitCast(kOnePixel, hn::ShiftRight<kMeanBits>(whole));
    hn::StoreU(hn::DemoteTo(kPixelBytes, mean), kPixelBytes, at);
  };
  constexpr std::size_t kStep = 8;
  std::size_t i = 0;
  for (; i + kStep <= boxes.count; i += kStep, sums += kStep * kAcross) {
    hn::Vec<decltype(d16)> a, b, c, d;
    if constexpr (kAcross == 2) {
      hn::LoadInterleaved2(d16, sums, a, b);
      a = hn::Add(a, b);
    } else if constexpr (kAcross == 3) {
      hn::LoadInterleaved3(d16, sums, a, b, c);
      a = hn::Add(hn::Add(a, b), c);
    } else {
      hn::LoadInterleaved4(d16, sums, a, b, c, d);
      a = hn::Add(hn::Add(a, b), hn::Add(c, d));
    }
    put(hn::LowerHalf(a), out + i);
    put(hn::UpperHalf(kFour, a), out + i + kStep / 2);
  }
  return i;
}

void means_grey(const std::uint16_t* sums, const BoxMeans& boxes, std::uint8_t* out) {
  constexpr int kSamplesMax = 257;  // of 255 each, their sum fits 16 bit
  std::size_t made = 0;
  if (boxes.across * boxes.down <= kSamplesMax) {
    if (boxes.across == 2) made = grey_means<2>(sums, boxes, out);
    if (boxes.across == 3) made = grey_means<3>(sums, boxes, out);
    if (boxes.across == 4) made = grey_means<4>(sums, boxes, out);
  }
  const BoxMeans rest{boxes.across, boxes.down, boxes.count - made};
  means_plain<1>(sums + made * static_cast<std::size_t>(boxes.across), rest, out + made);
}

// Rows here may be the decoder's own, with nothing behind them that may be read.
void add(const std::uint8_t* row, std::size_t size_bytes, std::uint16_t* sums) {
  std::size_t x = 0;
#if HWY_MAX_BYTES > 16  // with narrower registers the compiler's own loop takes a fifth less
  constexpr hn::FixedTag<std::uint16_t, 16> d16;
  constexpr hn::FixedTag<std::uint8_t, 16> d8;
  constexpr std::size_t kStep = hn::MaxLanes(d16);
  for (; x + kStep <= size_bytes; x += kStep) {
    const auto wide = hn::PromoteTo(d16, hn::LoadU(d8, row + x));
    hn::StoreU(hn::Add(hn::LoadU(d16, sums + x), wide), d16, sums + x);
  }
#endif
  add_stretch(row + x, size_bytes - x, sums + x);
}

// Samples times factors over 255, rounded: the upper bytes.
template <class V16>
HWY_INLINE V16 product(V16 samples, V16 factors, V16 half) {
  const auto whole = hn::Add(hn::Mul(samples, factors), half);
  return hn::Add(whole, hn::ShiftRight<8>(whole));
}

void premultiply(const std::uint8_t* in, std::size_t pixel_count, std::uint8_t* out) {
  constexpr std::size_t kBytes = 4;
  constexpr hn::CappedTag<std::uint8_t, 32> d8;
  constexpr hn::Repartition<std::uint16_t, decltype(d8)> d16;
  constexpr hn::Repartition<std::uint32_t, decltype(d8)> d32;
  constexpr std::size_t kStep = hn::MaxLanes(d32);
  constexpr std::uint8_t kNone = 0x80;
  alignas(16) static constexpr std::uint8_t kAlphas[16] = {
      3, kNone, 3, kNone, 7, kNone, 7, kNone, 11, kNone, 11, kNone, 15, kNone, 15, kNone};
  const auto order = hn::LoadDup128(d8, kAlphas);
  const auto low_byte = hn::Set(d16, 0x00FF), half = hn::Set(d16, 128);
  // Alpha itself is multiplied by 255.
  const auto whole = hn::BitCast(d16, hn::Set(d32, 0x00FF0000));
  std::size_t i = 0;
  for (; i + kStep <= pixel_count; i += kStep) {
    const auto bytes = hn::LoadU(d8, in + i * kBytes);
    const auto pixels = hn::BitCast(d16, bytes);  // red and green, blue and alpha
    const auto alphas = hn::BitCast(d16, hn::TableLookupBytesOr0(bytes, order));
    const auto even = product(hn::And(pixels, low_byte), alphas, half);
    const auto odd = product(hn::ShiftRight<8>(pixels), hn::Or(alphas, whole), half);
    const auto both = hn::Or(hn::ShiftRight<8>(even), hn::AndNot(low_byte, odd));
    hn::StoreU(hn::BitCast(d8, both), d8, out + i * kBytes);
  }
  premultiply_stretch(in + i * kBytes, pixel_count - i, out + i * kBytes);
}

}  // namespace

const ResizeLoops* wide_loops() {
  static constexpr ResizeLoops kLoops{down,
                                      {across_grey, across_grey_alpha, across<3>, across<4>},
                                      add,
                                      {means_grey, means_plain<2>, means<3>, means<4>},
                                      premultiply};
  return &kLoops;
}

#endif
}  // namespace imgring::codec::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace imgring::codec {

HWY_EXPORT(wide_loops);

const ResizeLoops& resize_loops() noexcept { return *HWY_DYNAMIC_DISPATCH(wide_loops)(); }

std::vector<LoopsOfLevel> resize_loops_of_all_levels() {
  std::vector<LoopsOfLevel> all;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    all.push_back({hwy::TargetName(target), &resize_loops()});
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  return all;
}

}  // namespace imgring::codec
#endif
