// A pixel needs the one to its left, so registers hold one pixel of three or four
// bytes; SSE2, which every x86-64 has, else plain.
#include "imgring/codec/png_unfilter.h"

#include <array>
#include <cstdlib>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace imgring::codec {
namespace {

struct Row {
  std::uint8_t* bytes;
  const std::uint8_t* above;
  std::size_t size_bytes;
};

std::uint8_t sum(int a, int b) noexcept { return static_cast<std::uint8_t>(a + b); }

void none(const Row&) noexcept {}

void up(const Row& row) noexcept {
  std::uint8_t* __restrict bytes = row.bytes;
  const std::uint8_t* __restrict above = row.above;
  for (std::size_t i = 0; i < row.size_bytes; ++i) bytes[i] = sum(bytes[i], above[i]);
}

int paeth(int a, int b, int c) noexcept {
  const int to_a = std::abs(b - c), to_b = std::abs(a - c), to_c = std::abs(a + b - 2 * c);
  if (to_a <= to_b && to_a <= to_c) return a;
  return to_b <= to_c ? b : c;
}

template <int kBytes>
void sub_plain(const Row& row) noexcept {
  for (std::size_t i = kBytes; i < row.size_bytes; ++i)
    row.bytes[i] = sum(row.bytes[i], row.bytes[i - kBytes]);
}
template <int kBytes>
void average_plain(const Row& row) noexcept {
  for (std::size_t i = 0; i < row.size_bytes; ++i) {
    const int left = i < kBytes ? 0 : row.bytes[i - kBytes];
    row.bytes[i] = sum(row.bytes[i], (left + row.above[i]) / 2);
  }
}
template <int kBytes>
void paeth_plain(const Row& row) noexcept {
  for (std::size_t i = 0; i < row.size_bytes; ++i) {
    const int left = i < kBytes ? 0 : row.bytes[i - kBytes];
    const int above_left = i < kBytes ? 0 : row.above[i - kBytes];
    row.bytes[i] = sum(row.bytes[i], paeth(left, row.above[i], above_left));
  }
}

#if defined(__SSE2__)

__m128i load_pixel(const std::uint8_t* from) noexcept {
  int pixel;
  std::memcpy(&pixel, from, sizeof pixel);
  return _mm_cvtsi32_si128(pixel);
}
template <int kBytes>
void store_pixel(__m128i pixel, std::uint8_t* to) noexcept {
  const int bytes = _mm_cvtsi128_si32(pixel);
  std::memcpy(to, &bytes, kBytes);
}

template <int kBytes>
void sub(const Row& row) noexcept {
  __m128i left = _mm_setzero_si128();
  for (std::size_t i = 0; i < row.size_bytes; i += kBytes) {
    left = _mm_add_epi8(left, load_pixel(row.bytes + i));
    store_pixel<kBytes>(left, row.bytes + i);
  }
}

template <int kBytes>
void average(const Row& row) noexcept {
  const __m128i one = _mm_set1_epi8(1);
  __m128i left = _mm_setzero_si128();
  for (std::size_t i = 0; i < row.size_bytes; i += kBytes) {
    const __m128i above = load_pixel(row.above + i);
    // The instruction rounds up.
    const __m128i odd = _mm_and_si128(_mm_xor_si128(left, above), one);
    const __m128i half = _mm_sub_epi8(_mm_avg_epu8(left, above), odd);
    left = _mm_add_epi8(half, load_pixel(row.bytes + i));
    store_pixel<kBytes>(left, row.bytes + i);
  }
}

__m128i magnitude(__m128i v) noexcept {
  return _mm_max_epi16(v, _mm_sub_epi16(_mm_setzero_si128(), v));
}
__m128i chosen(__m128i which, __m128i yes, __m128i no) noexcept {
  return _mm_or_si128(_mm_and_si128(which, yes), _mm_andnot_si128(which, no));
}

template <int kBytes>
void paeth(const Row& row) noexcept {
  const __m128i zero = _mm_setzero_si128();
  __m128i a = zero, c = zero;
  for (std::size_t i = 0; i < row.size_bytes; i += kBytes) {
    const __m128i b = _mm_unpacklo_epi8(load_pixel(row.above + i), zero);
    const __m128i from_c_to_b = _mm_sub_epi16(b, c), from_c_to_a = _mm_sub_epi16(a, c);
    const __m128i to_a = magnitude(from_c_to_b), to_b = magnitude(from_c_to_a);
    const __m128i to_c = magnitude(_mm_add_epi16(from_c_to_b, from_c_to_a));
    const __m128i least = _mm_min_epi16(to_c, _mm_min_epi16(to_a, to_b));
    const __m128i b_or_c = chosen(_mm_cmpeq_epi16(least, to_b), b, c);
    const __m128i guess = chosen(_mm_cmpeq_epi16(least, to_a), a, b_or_c);
    const __m128i pixel = _mm_add_epi8(_mm_packus_epi16(guess, guess), load_pixel(row.bytes + i));
    store_pixel<kBytes>(pixel, row.bytes + i);
    a = _mm_unpacklo_epi8(pixel, zero);
    c = b;
  }
}

#else

template <int kBytes>
void sub(const Row& row) noexcept {
  sub_plain<kBytes>(row);
}
template <int kBytes>
void average(const Row& row) noexcept {
  average_plain<kBytes>(row);
}
template <int kBytes>
void paeth(const Row& row) noexcept {
  paeth_plain<kBytes>(row);
}

#endif

using Unfilter = void (*)(const Row&) noexcept;
using Unfilters = std::array<Unfilter, 5>;
constexpr std::array<Unfilters, 4> kUnfilters = {
    Unfilters{none, sub_plain<1>, up, average_plain<1>, paeth_plain<1>},
    Unfilters{none, sub_plain<2>, up, average_plain<2>, paeth_plain<2>},
    Unfilters{none, sub<3>, up, average<3>, paeth<3>},
    Unfilters{none, sub<4>, up, average<4>, paeth<4>}};

}  // namespace

bool unfilter_png_row(std::uint8_t filter, std::uint8_t* row, const std::uint8_t* above,
                      std::size_t size_bytes, int pixel_bytes) noexcept {
  if (filter >= std::tuple_size_v<Unfilters>) return false;
  kUnfilters[static_cast<std::size_t>(pixel_bytes - 1)][filter]({row, above, size_bytes});
  return true;
}

}  // namespace imgring::codec
