// Entropy-coded bytes of a scan: one segment after the other, up to the marker that ends it.
// Owns: a few KiB of them without their stuffing. Helper threads only.
// Promises: kAhead bytes are readable wherever a decoder asked for them, zeros behind the last;
// the source is not read beyond its end; a segment ends where fewer than eight bits are left before
// the right marker, or it is irregular.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "huffman.h"

namespace imgring::codec::jpeg {

inline constexpr int kComponentsMax = 3;
inline constexpr int kMcuBlocksMax = 10;

struct EntropySpan {
  const std::uint8_t *begin = nullptr, *end = nullptr;
};

// Bytes without their stuffing.
class Feed {
 public:
  // What may be looked at without asking again: the longest MCU, and a word that is loaded.
  static constexpr int kBlockBitsMax = kCodeBitsMax + kDcBitsMax + 63 * (kCodeBitsMax + kAcBitsMax);
  static constexpr int kAhead = kMcuBlocksMax * kBlockBitsMax / 8 + 16;
  // How far beyond the end a decoder may stand: it is told at the next MCU, and reads from there.
  static constexpr int kBehindMax = 8;

  void start(EntropySpan source) noexcept;
  const std::uint8_t* begin() const noexcept { return buffer_.data(); }
  // `at`, or where its bytes are now.
  const std::uint8_t* ahead(const std::uint8_t* at) noexcept {
    return end_ - at >= kAhead || ended_ ? at : refill(at);
  }
  bool overrun(const std::uint8_t* at) const noexcept { return at > end_ + kBehindMax; }
  bool ended() const noexcept { return ended_; }
  const std::uint8_t* end() const noexcept { return end_; }
  // Where the marker stands, or what the source has left; when ended.
  const std::uint8_t* marker() const noexcept { return source_.begin; }

 private:
  static constexpr int kChunk = 8192;
  static constexpr int kZeros = kAhead + kBehindMax + 16;
  const std::uint8_t* refill(const std::uint8_t* at) noexcept;

  EntropySpan source_;
  std::uint8_t* end_ = nullptr;
  bool ended_ = true;
  // What was left, a chunk, the register that its last store may fill, zeros.
  std::array<std::uint8_t, kAhead + kChunk + 64 + kZeros> buffer_;
};

// Of a component: the last DC value, and the most that pixels can make of it.
struct DcState {
  int predicted = 0, most = 0;
};

class EntropyReader {
 public:
  void start_scan(EntropySpan source, int restart_interval) noexcept;
  // Before an MCU, or a block of a scan with one component: past a restart marker when it is due,
  // and kAhead bytes are readable at bits->at. False: irregular.
  bool next_mcu(Bits* bits) noexcept {
    if (restarts_left == 0 && !next_restart(bits)) return false;
    --restarts_left;
    bits->at = feed.ahead(bits->at);
    return !feed.overrun(bits->at);
  }
  // More bits were taken from `place` than the segment has.
  bool overran() const noexcept {
    return feed.ended() && (feed.end() - place.at) * 8 + place.count < 0;
  }
  bool restart_due() const noexcept { return restarts_left == 0; }
  bool next_restart(Bits* bits) noexcept;
  // Nothing but padding is left before the marker.
  bool at_marker(Bits* bits) noexcept;

  Feed feed;
  Bits place;  // where a decoder left off
  std::int64_t restarts_left = -1;
  std::array<DcState, kComponentsMax> dc{};

 private:
  void start_segment(const std::uint8_t* from) noexcept;

  const std::uint8_t* source_end_ = nullptr;
  int restart_interval_ = 0, restart_index_ = 0;
};

}  // namespace imgring::codec::jpeg
