// Huffman codes of deflate (RFC 1951): lengths from counts, codes from lengths, and how the lengths
// of a block are packed.
// Owns: nothing. Touch: any thread. Promises: no allocation; code lengths within the given maximum.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "imgring/codec/png_writer.h"

namespace imgring::codec {

inline constexpr std::uint32_t kMatchMax = 258;
inline constexpr std::size_t kEndOfBlock = 256, kFirstLength = 257;
inline constexpr unsigned kCodeBitsMax = 15, kCodeLengthBitsMax = 7;
inline constexpr std::size_t kCodeLengthCodes = 19;

// Length codes 0..28, RFC 1951 3.2.5.
struct LengthTables {
  std::array<std::uint16_t, 29> base{};
  std::array<std::uint8_t, 29> extra{};
  std::array<std::uint8_t, kMatchMax + 1> code{};
};
constexpr LengthTables length_tables() {
  LengthTables t;
  std::size_t length = 3;
  for (std::size_t code = 0; code < 28; ++code) {
    const std::size_t extra = code < 8 ? 0 : (code - 4) / 4;
    t.base[code] = static_cast<std::uint16_t>(length);
    t.extra[code] = static_cast<std::uint8_t>(extra);
    for (std::size_t i = 0; i < (std::size_t{1} << extra); ++i) {
      t.code[std::min<std::size_t>(length + i, kMatchMax)] = static_cast<std::uint8_t>(code);
    }
    length += std::size_t{1} << extra;
  }
  t.base[28] = kMatchMax;
  t.code[kMatchMax] = 28;
  return t;
}
inline constexpr LengthTables kLengths = length_tables();

// From 5 on the codes halve each power of two.
inline unsigned distance_code(std::uint32_t distance) noexcept {
  const std::uint32_t from_0 = distance - 1;
  if (from_0 < 4) return from_0;
  const auto power = static_cast<unsigned>(std::bit_width(from_0)) - 1;
  return 2 * power + ((from_0 >> (power - 1)) & 1);
}
inline unsigned distance_extra(unsigned code) noexcept { return code < 4 ? 0 : code / 2 - 1; }
inline std::uint32_t distance_base(unsigned code) noexcept {
  return code < 4 ? code + 1 : ((2 + (code & 1)) << distance_extra(code)) + 1;
}

// Code lengths of at most `bits_max` for the counts; 0 where the count is 0.
void find_lengths(std::span<const std::uint32_t> counts, unsigned bits_max,
                  std::uint8_t* lengths) noexcept;

struct Code {
  std::uint16_t bits = 0;  // as they are written: the first bit is the lowest
  std::uint8_t length = 0;
};
// Canonical codes of the lengths.
void find_codes(std::span<const std::uint8_t> lengths, Code* codes) noexcept;

// Lengths and codes of one block.
struct BlockCodes {
  std::array<std::uint8_t, 288> literal_lengths{};
  std::array<std::uint8_t, PngDeflate::kDistanceCodes> distance_lengths{};
  std::array<Code, 288> literals;
  std::array<Code, PngDeflate::kDistanceCodes> distances;

  void make_codes() noexcept {
    find_codes(literal_lengths, literals.data());
    find_codes(distance_lengths, distances.data());
  }
};
constexpr std::array<std::uint8_t, 288> fixed_lengths() {
  std::array<std::uint8_t, 288> lengths{};
  for (std::size_t i = 0; i < 288; ++i) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
  return lengths;
}

// What the block's tokens take by these lengths.
std::uint64_t token_bits(const PngDeflate::Counts& counts, const BlockCodes& codes) noexcept;

// The code lengths of a block, packed as RFC 1951 3.2.7 says: runs of one length become one item.
struct PackedLengths {
  struct Item {
    std::uint8_t symbol, extra, extra_bits;
  };
  std::array<Item, PngDeflate::kLiteralCodes + PngDeflate::kDistanceCodes> items;
  std::size_t item_count = 0;
  std::size_t literal_count = PngDeflate::kLiteralCodes;
  std::size_t distance_count = PngDeflate::kDistanceCodes;
  std::array<std::uint8_t, kCodeLengthCodes> lengths{};
  std::size_t length_count = kCodeLengthCodes;  // of those sent

  void add(std::uint8_t symbol, std::size_t extra, std::uint8_t extra_bits) noexcept {
    items[item_count++] = {symbol, static_cast<std::uint8_t>(extra), extra_bits};
  }
  void add_run(std::uint8_t length, std::size_t run) noexcept;
  std::uint64_t bits() const noexcept;
};
inline constexpr std::array<std::uint8_t, kCodeLengthCodes> kLengthOrder = {
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

PackedLengths pack_lengths(const BlockCodes& codes) noexcept;

}  // namespace imgring::codec
