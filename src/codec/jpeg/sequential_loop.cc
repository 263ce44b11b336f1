// The loop that most of a thumbnail's time goes into. Its speed is that of the chain from one
// table's entry to the index of the next: one subtraction of an entry moves both counts of a
// Cursor, and a refill is a shift and an OR of a word that was loaded long before.
// Compiled by Highway's means for processors with BMI2 (shifts without flags) and for the others.
// Owns nothing. Helper threads only.

#include "../levels.h"
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS IMGRING_LEVELS_OFF_OF_BITS
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/codec/jpeg/sequential_loop.cc"
#include <hwy/foreach_target.h>  // includes this file for each level but the last
#include <hwy/highway.h>

#include "sequential.h"

HWY_BEFORE_NAMESPACE();
namespace imgring::codec::jpeg::HWY_NAMESPACE {
namespace {

struct Cursor {
  const std::uint8_t* at;  // first byte of which not all bits count as being in `bits`
  std::uint64_t bits;      // the next ones, highest first
  int state;               // valid bits less one (0-7); coefficients to come in the block (8-)

  HWY_INLINE void refill() {  // to 57 valid bits or more
    bits |= (Bits::load(at) >> 1) >> (state & 63);
    at += (~state >> 3) & 7;
    state |= 56;
  }
  HWY_INLINE void take(std::uint32_t entry) {
    state -= static_cast<int>(entry & 0xFFFF);
    bits <<= entry & 63;
  }
  HWY_INLINE int to_come() const { return state >> 8; }
  HWY_INLINE bool block_ended() const { return state < 0x100; }
  HWY_INLINE void start_block() { state = (state & 63) | 63 << 8; }
};

// A refill leaves 57 bits, of which one must stay: the first entry with what comes before the next
// refill. Only the last of some values may be a long one.
static_assert(kSkipBitsMax * 3 <= 56);
static_assert(kFirstBits + 3 * kValueBits + kAcBitsMax <= 56);
static_assert(4 * kValueBits + kAcBitsMax <= 56);
// The advance of an entry, with both marks, leads from 1 to no less than this.
static_assert(1 - kEscape - kEob >= kToComeMin);

HWY_INLINE void put(const Cursor& r, const LaneBlock& block, int value) {
  block.lane[block.place[r.to_come()]] = static_cast<std::int16_t>(value);
}

// One AC symbol by its code's length, most likely `shortest` or more; false: none that a block may
// hold.
HWY_NOINLINE bool slow_step(Cursor* r, const LaneBlock& block, int shortest) {
  r->refill();
  Bits b{r->bits, 64, nullptr};
  const int symbol = slow_symbol(*block.tables->ac, &b, shortest);
  const int size = symbol & 15, run = symbol >> 4;
  if (symbol < 0 || size > kAcBitsMax || (size == 0 && run != 0 && run != 15)) return false;
  const int advance = symbol == 0 ? kEob : run + 1;
  if (symbol != 0 && r->to_come() < advance) return false;
  const int value = extended(b.bits, static_cast<std::uint32_t>(63 - size));
  b.drop(size);
  r->take(static_cast<std::uint32_t>(64 - b.count + (advance << 8)));
  if (symbol != 0) put(*r, block, value);
  r->refill();
  return true;
}

// Passes what is left of a block; bits for two entries are valid.
HWY_INLINE bool skip_rest(Cursor& r, const LaneBlock& block) {
  const std::uint16_t* const skips = block.tables->skips.data();
  for (int n = 2;; n = 3) {
    std::uint32_t entry;
    std::uint64_t before;
    do {
      before = r.bits;
      entry = skips[r.bits >> (64 - kSkipBits)];
      r.take(entry);
    } while (!r.block_ended() && --n > 0);
    if (!r.block_ended()) {
      r.refill();
      continue;
    }
    // An entry with an EOB is wrong if the symbols before it fill the block.
    const bool eob = entry >= (kEob << 8) && entry < (kEscape << 8);
    if (eob ? r.to_come() > -kEob : r.to_come() == 0) [[likely]]
      return true;
    r.state += static_cast<int>(entry);
    r.bits = before;
    const int shortest = entry == kEscape << 8 ? kSkipBitsMax - kAcBitsMax + 1 : 1;
    if (!slow_step(&r, block, shortest)) return false;
    if (r.block_ended()) return true;
  }
}

// Values as long as more than `rest` coefficients are to come; bits for three are valid, of which
// the last may be a long one.
HWY_INLINE bool decode_values(Cursor& r, const LaneBlock& block, int rest) {
  const std::uint32_t* const values = block.tables->values.data();
  const int end = (rest + 1) << 8;
  for (int n = 3;; n = 4) {
    std::uint32_t entry;
    std::uint64_t before;
    do {
      before = r.bits;
      entry = values[r.bits >> (64 - kValueBits)];
      r.take(entry);
      put(r, block, static_cast<int>(entry) >> 16);
    } while (r.state >= end && --n > 0);
    r.refill();
    if (r.state >= end) continue;
    const std::uint32_t advance = entry >> 8 & 0xFF;
    if (advance < kEscape) [[likely]]
      return advance == kEob || r.to_come() >= 0;
    r.state += kEscape << 8;
    if (advance > kEscape) {  // a value that does not fit: the entry has its code's length
      if (r.to_come() < 0) return false;
      const std::uint32_t length = entry >> 16;
      put(r, block, extended(before << length, 63 - ((entry & 63) - length)));
    } else if (!slow_step(&r, block, kValueBits + 1)) {
      return false;
    }
    if (r.state < end) return true;
  }
}

// The DC difference, of which no entry knows; nothing of the block is taken yet.
HWY_NOINLINE bool slow_first(Cursor* r, const LaneBlock& block, int* difference) {
  Bits b{r->bits, 64, nullptr};
  const int size = slow_symbol(*block.tables->dc, &b);
  if (size < 0 || size > kDcBitsMax) return false;
  *difference = extended(b.bits, static_cast<std::uint32_t>(63 - size));
  b.drop(size);
  r->start_block();
  r->take(static_cast<std::uint32_t>(64 - b.count));
  r->refill();
  return true;
}

template <Mode kMode>
HWY_INLINE bool decode_block(Cursor& r, const LaneBlock& block) {
  r.start_block();
  r.refill();
  const std::uint32_t first = block.tables->firsts.data()[r.bits >> (64 - kFirstBits)];
  r.take(first);
  int difference = static_cast<int>(first) >> 16;
  if (r.to_come() == 63 - kEscape) [[unlikely]] {
    if (!slow_first(&r, block, &difference)) return false;
  }
  const int predicted = block.dc->predicted += difference;
  if (predicted > block.dc->most || predicted < -block.dc->most) return false;
  *block.lane = static_cast<std::int16_t>(predicted);
  if (r.block_ended()) return true;
  if constexpr (kMode == Mode::kSkip) return skip_rest(r, block);
  if (!decode_values(r, block, kMode == Mode::kAll ? 0 : block.rest)) return false;
  return kMode == Mode::kAll || r.block_ended() || skip_rest(r, block);
}

HWY_INLINE bool decode_any(Cursor& r, const LaneBlock& block) {
  if (block.mode == Mode::kSkip) return decode_block<Mode::kSkip>(r, block);
  if (block.mode == Mode::kPart) return decode_block<Mode::kPart>(r, block);
  return decode_block<Mode::kAll>(r, block);
}

bool decode_blocks(EntropyReader* reader, const LaneBlocks& blocks) {
  Bits b = reader->place;
  Cursor r{b.at, b.bits, b.count - 1};
  const LaneBlock* block = blocks.first;
  for (const LaneBlock* const end = block + blocks.count; block != end;) {
    if (reader->restart_due()) {
      b = {r.bits, (r.state & 63) + 1, r.at};
      if (!reader->next_restart(&b)) return false;
      r = {b.at, b.bits, b.count - 1};
    }
    --reader->restarts_left;
    r.at = reader->feed.ahead(r.at);
    if (reader->feed.overrun(r.at)) return false;
    for (const LaneBlock* const mcu_end = block + blocks.each; block != mcu_end; ++block) {
      if (!decode_any(r, *block)) return false;
    }
  }
  reader->place = {r.bits, (r.state & 63) + 1, r.at};
  return !reader->overran();
}

}  // namespace

DecodeBlocks decode_blocks_of_level() { return decode_blocks; }

}  // namespace imgring::codec::jpeg::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace imgring::codec::jpeg {

HWY_EXPORT(decode_blocks_of_level);

DecodeBlocks sequential_loop() noexcept { return HWY_DYNAMIC_DISPATCH(decode_blocks_of_level)(); }

}  // namespace imgring::codec::jpeg
#endif
