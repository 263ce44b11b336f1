// The three kinds of progressive scans: DC bits, the first bits of a band, a further bit of one.
// Compiled by Highway's means as sequential_loop.cc is.
// Owns nothing. Helper threads only.
// Promises: a coefficient is stored in its place or not at all; what overruns a band is irregular.

#include "../levels.h"
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS IMGRING_LEVELS_OFF_OF_BITS
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/codec/jpeg/progressive_loop.cc"
#include <hwy/foreach_target.h>  // includes this file for each level but the last
#include <hwy/highway.h>

#include <bit>

#include "progressive.h"

HWY_BEFORE_NAMESPACE();
namespace imgring::codec::jpeg::HWY_NAMESPACE {
namespace {

HWY_INLINE std::uint64_t band_mask(int from, int to) {  // both included
  return (~std::uint64_t{0} >> (63 - to)) & (~std::uint64_t{0} << from);
}

// Wraps around as libjpeg's does: broken files alone have such values.
HWY_INLINE std::int16_t shifted(int value, int low) {
  return static_cast<std::int16_t>(static_cast<unsigned>(value) << low);
}

struct Step {
  int advance, size, value;  // size below 0: no such code
};

HWY_NOINLINE Step slow_next(Bits* b, const HuffmanCodes& codes) {
  const int symbol = slow_symbol(codes, b), size = symbol & 15, run = symbol >> 4;
  if (symbol < 0 || size > kAcBitsMax) return {0, -1, 0};
  const int advance = size == 0 && run < 15 ? kStepEob + run : run + 1;
  const int value = extended(b->bits, static_cast<std::uint32_t>(63 - size));
  b->drop(size);
  return {advance, size, value};
}

HWY_INLINE Step next_step(Bits& b, const StepTable& table) {
  b.refill();
  const std::uint32_t entry = table.steps.data()[b.bits >> (64 - kStepBits)];
  const Step step{static_cast<int>(entry >> 16 & 0xFF), 63 - static_cast<int>(entry >> 8 & 63),
                  extended(b.bits << (entry >> 24), entry >> 8)};
  b.drop(static_cast<int>(entry & 63));
  if (step.advance != kStepEscape) [[likely]]
    return step;
  return slow_next(&b, *table.codes);
}

// Blocks that end with this one, by an EOB of `exponent`.
HWY_INLINE int ended_blocks(Bits& b, int exponent) {
  return exponent == 0 ? 1 : (1 << exponent) + b.take(exponent);
}

HWY_INLINE bool next_dc(Bits& b, const StepTable& table, int low, DcState* dc, std::int16_t* out) {
  b.refill();
  const std::uint32_t entry = table.steps.data()[b.bits >> (64 - kStepBits)];
  int difference = extended(b.bits << (entry >> 24), entry >> 8);
  b.drop(static_cast<int>(entry & 63));
  if ((entry >> 16 & 0xFF) == kStepEscape) [[unlikely]] {
    const int size = slow_symbol(*table.codes, &b);
    if (size < 0 || size > kDcBitsMax) return false;
    difference = extended(b.bits, static_cast<std::uint32_t>(63 - size));
    b.drop(size);
  }
  constexpr int kMost = 1 << kDcBitsMax;  // before the shift
  dc->predicted += difference;
  if (dc->predicted > kMost || dc->predicted < -kMost) return false;
  const int value = dc->predicted * (1 << low);
  if (value > dc->most || value < -dc->most) return false;
  *out = static_cast<std::int16_t>(value);
  return true;
}

// A component of an MCU; or a block, where a scan has one component.
struct DcPart {
  const Plane* plane;
  DcState* dc;
  StepTable table;
  int across, down;
};

HWY_INLINE bool decode_dc_part(Bits& b, const DcPart& part, const Scan& s, int column, int row) {
  for (int n = 0; n < part.across * part.down; ++n) {
    const int x = column * part.across + n % part.across, y = row * part.down + n / part.across;
    std::int16_t* out = part.plane->block(x, y);
    if (s.high != 0) {
      b.refill();
      *out = static_cast<std::int16_t>(*out | b.take(1) << s.low);
    } else if (!next_dc(b, part.table, s.low, part.dc, out)) {
      return false;
    }
  }
  return true;
}

JpegEnd decode_dc(const ScanWork& work) {
  const Scan& s = *work.scan;
  const bool alone = s.count == 1;
  std::array<DcPart, kComponentsMax> parts;
  for (std::size_t i = 0; i < static_cast<std::size_t>(s.count); ++i) {
    const Plane& plane = work.plane(i);
    parts[i].plane = &plane;
    parts[i].dc = &work.reader->dc[s.components[i].index];
    parts[i].across = alone ? 1 : plane.component->h;
    parts[i].down = alone ? 1 : plane.component->v;
    if (s.high != 0) continue;
    if (!s.components[i].dc) return JpegEnd::kIrregular;
    build(work.codes[*s.components[i].dc], Symbols::kDc, &parts[i].table);
  }
  const Component& first = *work.plane(0).component;
  const int rows = alone ? first.blocks_y : work.mcus_y;
  const int columns = alone ? first.blocks_x : work.mcus_x;
  Bits b = work.reader->place;
  for (int row = 0; row < rows; ++row) {
    if (work.stopped()) return JpegEnd::kStopped;
    for (int column = 0; column < columns; ++column) {
      if (!work.reader->next_mcu(&b)) return JpegEnd::kIrregular;
      for (int i = 0; i < s.count; ++i) {
        const DcPart& part = parts.data()[i];
        if (!decode_dc_part(b, part, s, column, row)) return JpegEnd::kIrregular;
      }
    }
  }
  work.reader->place = b;
  return JpegEnd::kFine;
}

// What the blocks of a band's scan have in common.
struct BandWork {
  const Kept& kept;
  const StepTable& table;
  int from, to, low;
  int ended = 0;  // blocks to come in which the band has no more coefficients
};

HWY_INLINE void store(const BandWork& w, std::int16_t* block, int k, int value) {
  if (w.kept.has(k)) block[w.kept.place.data()[k]] = shifted(value, w.low);
}

HWY_INLINE bool first_bits(Bits& b, BandWork& w, std::int16_t* block, std::uint64_t* history) {
  if (w.ended > 0) {
    --w.ended;
    return true;
  }
  std::uint64_t found = 0;
  for (int k = w.from - 1; k < w.to;) {
    const Step step = next_step(b, w.table);
    if (step.size < 0) return false;
    if (step.advance >= kStepEob) {
      w.ended = ended_blocks(b, step.advance - kStepEob) - 1;
      break;
    }
    k += step.advance;
    if (k > w.to) return false;
    if (step.size == 0) continue;
    found |= std::uint64_t{1} << k;
    store(w, block, k, step.value);
  }
  *history |= found;
  return true;
}

// Reads a correction bit for every coefficient in `which`, in one go.
HWY_INLINE void correct(Bits& b, const BandWork& w, std::int16_t* block, std::uint64_t which) {
  if (which == 0) return;
  constexpr int kAtOnce = 48;
  int count = std::popcount(which);
  b.refill();
  std::uint64_t bits = b.bits;
  if (count > kAtOnce) [[unlikely]] {
    b.drop(kAtOnce);
    b.refill();
    // Behind the first 48, at most 15 more.
    bits = (bits >> (64 - kAtOnce) << (64 - kAtOnce)) | b.bits >> kAtOnce;
    count -= kAtOnce;
  }
  b.drop(count);
  which &= band_mask(0, w.kept.last);
  for (; which != 0; which &= which - 1, bits <<= 1) {
    const int k = std::countr_zero(which);
    if (!w.kept.has(k)) continue;
    std::int16_t& value = block[w.kept.place.data()[k]];
    const int step = static_cast<int>(bits >> 63) << w.low, sign = value >> 15;
    value = static_cast<std::int16_t>(value + ((step ^ sign) - sign));
  }
}

// The n-th of the set bits, alone; 0: there are fewer. Without a branch: how many there are to pass
// is as good as random.
HWY_INLINE std::uint64_t nth_bit(std::uint64_t bits, int n) {
  const auto without = [](std::uint64_t from, int count) HWY_ATTR {
    for (int i = 0; i < count; ++i) from &= from - 1;
    return from;
  };
  const int passed = n - 1;
  bits = (passed & 1) != 0 ? without(bits, 1) : bits;
  bits = (passed & 2) != 0 ? without(bits, 2) : bits;
  bits = (passed & 4) != 0 ? without(bits, 4) : bits;
  bits = (passed & 8) != 0 ? without(bits, 8) : bits;
  return bits & -bits;
}

HWY_INLINE bool further_bit(Bits& b, BandWork& w, std::int16_t* block, std::uint64_t* history) {
  const std::uint64_t old = *history;
  std::uint64_t left = band_mask(w.from, w.to);  // of the band, what is to come
  while (w.ended == 0 && left != 0) {
    const Step step = next_step(b, w.table);
    if (step.size < 0 || step.size > 1) return false;
    if (step.advance >= kStepEob) {
      w.ended = ended_blocks(b, step.advance - kStepEob);
      break;
    }
    const std::uint64_t at = nth_bit(left & ~old, step.advance);
    if (at == 0) return false;
    const std::uint64_t through = at ^ (at - 1);  // up to it
    correct(b, w, block, old & left & through);
    if (step.size != 0) {
      *history |= at;
      store(w, block, std::countr_zero(at), step.value);
    }
    left &= ~through;
  }
  if (w.ended == 0) return (old & left) == 0;
  correct(b, w, block, old & left);
  --w.ended;
  return true;
}

template <bool kFirst>
JpegEnd decode_band(const ScanWork& work) {
  const Scan& s = *work.scan;
  const Plane& plane = work.plane(0);
  const Component& c = *plane.component;
  if (!s.components[0].ac) return JpegEnd::kIrregular;
  StepTable table;
  build(work.codes[*s.components[0].ac], Symbols::kAc, &table);
  BandWork w{c.kept, table, s.from, s.to, s.low};
  Bits b = work.reader->place;
  std::uint64_t* history = plane.history;
  for (int y = 0; y < c.blocks_y; ++y) {
    if (work.stopped()) return JpegEnd::kStopped;
    for (int x = 0; x < c.blocks_x; ++x, ++history) {
      // A run of ended blocks stops at a restart.
      if (work.reader->restart_due() && w.ended != 0) return JpegEnd::kIrregular;
      if (!work.reader->next_mcu(&b)) return JpegEnd::kIrregular;
      std::int16_t* block = plane.block(x, y);
      const bool fine =
          kFirst ? first_bits(b, w, block, history) : further_bit(b, w, block, history);
      if (!fine) return JpegEnd::kIrregular;
    }
  }
  work.reader->place = b;
  return w.ended == 0 ? JpegEnd::kFine : JpegEnd::kIrregular;
}

JpegEnd decode_scan(const ScanWork& work) {
  if (work.scan->from == 0) return decode_dc(work);
  return work.scan->high == 0 ? decode_band<true>(work) : decode_band<false>(work);
}

}  // namespace

DecodeScan decode_scan_of_level() { return decode_scan; }

}  // namespace imgring::codec::jpeg::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace imgring::codec::jpeg {

HWY_EXPORT(decode_scan_of_level);

DecodeScan progressive_loop() noexcept { return HWY_DYNAMIC_DISPATCH(decode_scan_of_level)(); }

}  // namespace imgring::codec::jpeg
#endif
