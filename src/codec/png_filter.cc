// The five filters of PNG as plain loops the compiler turns into vector code.
// Owns nothing. Any thread.
#include <algorithm>
#include <array>

#include "imgring/base/check.h"
#include "imgring/codec/png_writer.h"

namespace imgring::codec {
namespace {

// A block stays in the first cache between filtering and summing. Magnitudes are 128 at most, so
// 16 bits hold the sum of a block: 256 x 128 = 32768.
constexpr std::size_t kBlockBytes = 256;

using Bytes = const std::uint8_t* __restrict;

struct Neighbours {
  const std::uint8_t* here;
  const std::uint8_t* left;
  const std::uint8_t* above;
  const std::uint8_t* above_left;
};

// |bytes as signed numbers|, summed: how libpng weighs a filtered row.
std::uint32_t magnitude(Bytes bytes, std::size_t count) noexcept {
  std::uint16_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto negated = static_cast<std::uint8_t>(-bytes[i]);
    sum = static_cast<std::uint16_t>(sum + std::min(bytes[i], negated));
  }
  return sum;
}

void sub(const Neighbours& n, std::uint8_t* __restrict out, std::size_t count) noexcept {
  Bytes here = n.here;
  Bytes left = n.left;
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<std::uint8_t>(here[i] - left[i]);
}
void up(const Neighbours& n, std::uint8_t* __restrict out, std::size_t count) noexcept {
  Bytes here = n.here;
  Bytes above = n.above;
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<std::uint8_t>(here[i] - above[i]);
}
void average(const Neighbours& n, std::uint8_t* __restrict out, std::size_t count) noexcept {
  Bytes here = n.here;
  Bytes left = n.left;
  Bytes above = n.above;
  for (std::size_t i = 0; i < count; ++i) {
    // (a + b) / 2 without leaving 8 bits
    const auto half = static_cast<std::uint8_t>((left[i] & above[i]) + ((left[i] ^ above[i]) >> 1));
    out[i] = static_cast<std::uint8_t>(here[i] - half);
  }
}

using Wide = std::int16_t;  // half the lanes of int, and enough: distances are within +-510
Wide distance(Wide from, Wide to) noexcept {
  const auto apart = static_cast<Wide>(from - to);
  return std::max<Wide>(apart, static_cast<Wide>(-apart));
}
void paeth(const Neighbours& n, std::uint8_t* __restrict out, std::size_t count) noexcept {
  Bytes here = n.here;
  Bytes left = n.left;
  Bytes above = n.above;
  Bytes above_left = n.above_left;
  for (std::size_t i = 0; i < count; ++i) {
    const Wide a = left[i], b = above[i], c = above_left[i];
    const auto guess = static_cast<Wide>(a + b - c);
    const Wide to_a = distance(guess, a), to_b = distance(guess, b), to_c = distance(guess, c);
    const Wide nearer = to_b <= to_c ? b : c;
    const Wide predicted = to_a <= std::min(to_b, to_c) ? a : nearer;
    out[i] = static_cast<std::uint8_t>(here[i] - predicted);
  }
}
void none(const Neighbours& n, std::uint8_t* __restrict out, std::size_t count) noexcept {
  std::copy_n(n.here, count, out);
}

using Filter = void (*)(const Neighbours&, std::uint8_t* __restrict, std::size_t) noexcept;
constexpr std::array<Filter, kPngFilterCount> kFilters = {none, sub, up, average, paeth};

}  // namespace

std::uint64_t filter_png_row(PngFilter filter, const PngRows& rows, std::uint8_t* out) noexcept {
  IMGRING_CHECK(rows.pixel_bytes >= 1);
  IMGRING_CHECK(rows.pixel_bytes <= kPngRowMargin);
  const Filter apply = kFilters[static_cast<std::size_t>(filter)];
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at < rows.size_bytes; at += kBlockBytes) {
    const std::size_t count = std::min(kBlockBytes, rows.size_bytes - at);
    const std::uint8_t* here = rows.row + at;
    const std::uint8_t* above = rows.above + at;
    apply({here, here - rows.pixel_bytes, above, above - rows.pixel_bytes}, out + at, count);
    sum += magnitude(out + at, count);
  }
  return sum;
}

}  // namespace imgring::codec
