// Huffman codes of a JPEG and the tables made of them: an entry tells of the next bits of the file
// what several lookups would.
// Owns nothing but values. Any thread.
// Promises: every index of a table has an entry; one that stands for no code says so, and the code
// is then looked up by its length, which can answer that there is none.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace imgring::codec::jpeg {

inline constexpr int kCodeBitsMax = 16;
// Bits of a value behind its code, 8 bits a sample: more are irregular.
inline constexpr int kDcBitsMax = 11, kAcBitsMax = 10;

struct HuffmanCodes {
  std::array<std::uint8_t, kCodeBitsMax + 1> counts{};  // by length
  std::array<std::uint8_t, 256> symbols{};
  // Of codes brought to 16 bits: those of `length` are below limit[length] and not below the limit
  // before; symbols[first[length] + (code >> (16 - length))].
  std::array<std::uint32_t, kCodeBitsMax + 1> limit{};
  std::array<int, kCodeBitsMax + 1> first{};
};
// From counts and symbols, the rest; false: too many codes, or one of ones alone.
bool complete(HuffmanCodes* codes) noexcept;

// The next bits of a file, highest first; `count` of them are taken from before `at`. Lower ones
// are zero or those that a refill would put there.
struct Bits {
  std::uint64_t bits = 0;
  int count = 0;
  const std::uint8_t* at = nullptr;

  static std::uint64_t load(const std::uint8_t* from) noexcept {
    std::uint64_t word;
    std::memcpy(&word, from, sizeof word);
    return __builtin_bswap64(word);
  }
  void refill() noexcept {  // to 56 or more
    bits |= load(at) >> count;
    at += (63 - count) >> 3;
    count |= 56;
  }
  void drop(int n) noexcept {
    bits <<= n;
    count -= n;
  }
  int take(int n) noexcept {  // 1 to 32
    const int value = static_cast<int>(bits >> (64 - n));
    drop(n);
    return value;
  }
};

// The value that the `63 - complement` highest bits of `bits` stand for.
inline int extended(std::uint64_t bits, std::uint32_t complement) noexcept {
  const std::uint64_t flip = ~static_cast<std::uint64_t>(static_cast<std::int64_t>(bits) >> 63);
  return static_cast<int>((((bits ^ flip) >> 1 >> (complement & 63)) ^ flip) - flip);
}

// A symbol by its code's length, most likely `shortest` or more; -1: there is no such code.
int slow_symbol(const HuffmanCodes& codes, Bits* bits, int shortest = 1) noexcept;

// Advances in the sequential tables: coefficients passed, and these.
inline constexpr int kEob = 64;      // added to what came before in the same entry
inline constexpr int kEscape = 128;  // no such entry: take the code by its length
inline constexpr int kFirstBits = 11, kValueBits = 11, kSkipBits = 12;
inline constexpr int kSkipBitsMax = 18;  // that one entry skips, so that a refill serves three

// For a sequential scan. Of an entry: bits used (0-7), advance (8-15), value (16-31).
struct SequentialTables {
  const HuffmanCodes *dc = nullptr, *ac = nullptr;
  // A DC value, and AC symbols that nobody wants or an EOB when they fit behind it.
  std::array<std::uint32_t, 1 << kFirstBits> firsts;
  // An AC symbol with its value; where that does not fit, kEscape is added to the advance, and the
  // code's length is in the value's place.
  std::array<std::uint32_t, 1 << kValueBits> values;
  // As many AC symbols as fit whose values nobody wants.
  std::array<std::uint16_t, 1 << kSkipBits> skips;
};
struct SequentialNeeds {
  bool skips = false, values = false;
};
void build(SequentialNeeds needs, SequentialTables* tables) noexcept;

// For a progressive scan, single symbols: bits in all (0-5), 63 less the bits of the value (8-13),
// advance (16-23), bits before the value (24-28).
inline constexpr int kStepBits = 10;
inline constexpr int kStepEob = 128;    // in an advance, with the exponent of the run added
inline constexpr int kStepEscape = 64;  // the whole advance: take the code by its length
enum class Symbols : std::uint8_t { kDc, kAc };
struct StepTable {
  const HuffmanCodes* codes = nullptr;
  std::array<std::uint32_t, 1 << kStepBits> steps;
};
void build(const HuffmanCodes& codes, Symbols kind, StepTable* table) noexcept;

}  // namespace imgring::codec::jpeg
