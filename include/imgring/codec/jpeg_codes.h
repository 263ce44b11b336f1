// Huffman codes made for one picture, as libjpeg's optimize_coding makes them: the same bytes,
// without holding all coefficients of the picture and in a fraction of its time (it looks at each
// coefficient in plain C, and makes each code in the square of the number of symbols).
//
// libjpeg writes the file with plain codes, which are the symbols themselves, in one pass; the file
// is then read twice: to count, and to write it again with the codes that fit. Owns: the file that
// it makes. Helper threads only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "imgring/base/bytes.h"
#include "imgring/base/error.h"
#include "imgring/base/text.h"

namespace imgring::codec {

inline constexpr int kJpegCodeBitsMax = 16;
inline constexpr std::size_t kJpegSymbolCount = 256;

// As a DHT segment has them: how many codes of each length (from 1), and their symbols in order.
struct JpegCodes {
  std::array<std::uint8_t, kJpegCodeBitsMax + 1> counts{};
  std::array<std::uint8_t, kJpegSymbolCount> symbols{};
};

enum class JpegSymbols : std::uint8_t { kDc, kAc };
// Eight bits each, the symbol itself.
JpegCodes plain_jpeg_codes(JpegSymbols kind) noexcept;

// How often each symbol occurs; all together less than 2^31 times, each less than 10^9 times
// (libjpeg takes no account of more).
using JpegCounts = std::array<std::uint32_t, kJpegSymbolCount>;
// The shortest codes (ITU-T T.81, K.2), none longer than 16 bits and none of ones alone.
JpegCodes fitting_jpeg_codes(const JpegCounts& counts);

// What the one scan of a file holds: MCUs of so many blocks with the codes 0, then so many with the
// codes 1.
struct JpegMcus {
  int first_blocks = 1, other_blocks = 0;  // 10 together at most
  std::int64_t count = 0;
};

// Of a picture: its symbols are no more than its samples, with what fills the last blocks.
inline constexpr std::int64_t kRefitSamplesMax = 900'000'000;
// False: no wide registers here, and refit_jpeg() may not be called.
bool can_refit_jpeg() noexcept;
// `file`: sequential, 8 bits a sample, one scan of plain codes without restart markers. A refused
// allocation is kOverloaded; a file that is something else kInternal.
Result<Bytes> refit_jpeg(ByteSpan file, const JpegMcus& mcus);

}  // namespace imgring::codec
