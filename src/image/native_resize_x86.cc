// The loops of native_resize.h in SSE4.1 and AVX2; nothing on other processors.
// Owns nothing. Any thread. Promises: the bytes of the plain loops.
#include "native_loops.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>
#endif

namespace imgring::image {

#if defined(__x86_64__)
namespace {

#define IMGRING_SSE41 __attribute__((target("sse4.1")))
#define IMGRING_AVX2 __attribute__((target("avx2")))

// Two neighbouring weights, or four bytes, as one 32-bit lane.
int lane(const void* bytes) noexcept {
  int value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

const __m128i* as_128(const void* p) noexcept { return static_cast<const __m128i*>(p); }
const __m256i* as_256(const void* p) noexcept { return static_cast<const __m256i*>(p); }

IMGRING_SSE41 void down_sse41(const std::uint8_t* const* rows, const std::int16_t* weights,
                              int taps, std::size_t sample_count, std::int16_t* out) {
  constexpr std::size_t kStep = 16;
  const __m128i zero = _mm_setzero_si128();
  std::size_t x = 0;
  for (; x + kStep <= sample_count; x += kStep) {
    __m128i a = _mm_set1_epi32(kDownHalf), b = a, c = a, d = a;
    for (int k = 0; k < taps; k += 2) {
      const __m128i w = _mm_set1_epi32(lane(weights + k));
      const __m128i one = _mm_loadu_si128(as_128(rows[k] + x));
      const __m128i two = _mm_loadu_si128(as_128(rows[k + 1] + x));
      const __m128i low = _mm_unpacklo_epi8(one, two), high = _mm_unpackhi_epi8(one, two);
      a = _mm_add_epi32(a, _mm_madd_epi16(_mm_unpacklo_epi8(low, zero), w));
      b = _mm_add_epi32(b, _mm_madd_epi16(_mm_unpackhi_epi8(low, zero), w));
      c = _mm_add_epi32(c, _mm_madd_epi16(_mm_unpacklo_epi8(high, zero), w));
      d = _mm_add_epi32(d, _mm_madd_epi16(_mm_unpackhi_epi8(high, zero), w));
    }
    auto* to = reinterpret_cast<__m128i*>(out + x);
    _mm_storeu_si128(to, _mm_packs_epi32(_mm_srai_epi32(a, kDownBits),
                                         _mm_srai_epi32(b, kDownBits)));
    _mm_storeu_si128(to + 1, _mm_packs_epi32(_mm_srai_epi32(c, kDownBits),
                                             _mm_srai_epi32(d, kDownBits)));
  }
  down_from(rows, weights, taps, x, sample_count, out);
}

IMGRING_AVX2 void down_avx2(const std::uint8_t* const* rows, const std::int16_t* weights, int taps,
                            std::size_t sample_count, std::int16_t* out) {
  constexpr std::size_t kStep = 32;
  const __m256i zero = _mm256_setzero_si256();
  std::size_t x = 0;
  for (; x + kStep <= sample_count; x += kStep) {
    __m256i a = _mm256_set1_epi32(kDownHalf), b = a, c = a, d = a;
    for (int k = 0; k < taps; k += 2) {
      const __m256i w = _mm256_set1_epi32(lane(weights + k));
      const __m256i one = _mm256_loadu_si256(as_256(rows[k] + x));
      const __m256i two = _mm256_loadu_si256(as_256(rows[k + 1] + x));
      const __m256i low = _mm256_unpacklo_epi8(one, two), high = _mm256_unpackhi_epi8(one, two);
      a = _mm256_add_epi32(a, _mm256_madd_epi16(_mm256_unpacklo_epi8(low, zero), w));
      b = _mm256_add_epi32(b, _mm256_madd_epi16(_mm256_unpackhi_epi8(low, zero), w));
      c = _mm256_add_epi32(c, _mm256_madd_epi16(_mm256_unpacklo_epi8(high, zero), w));
      d = _mm256_add_epi32(d, _mm256_madd_epi16(_mm256_unpackhi_epi8(high, zero), w));
    }
    // Halves of the registers hold samples that lie 16 apart.
    const __m256i left = _mm256_packs_epi32(_mm256_srai_epi32(a, kDownBits),
                                            _mm256_srai_epi32(b, kDownBits));
    const __m256i right = _mm256_packs_epi32(_mm256_srai_epi32(c, kDownBits),
                                             _mm256_srai_epi32(d, kDownBits));
    auto* to = reinterpret_cast<__m256i*>(out + x);
    _mm256_storeu_si256(to, _mm256_permute2x128_si256(left, right, 0x20));
    _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(left, right, 0x31));
  }
  down_from(rows, weights, taps, x, sample_count, out);
}

// The sums of a pixel of three or four bands, narrowed; a fourth byte that is none of its own is
// the next pixel's to overwrite.
IMGRING_SSE41 inline void put_pixel(__m128i sums, std::uint8_t* out) {
  const __m128i shifted = _mm_srai_epi32(sums, kAcrossBits);
  const __m128i words = _mm_packs_epi32(shifted, shifted);
  const int pixel = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
  std::memcpy(out, &pixel, sizeof pixel);
}

// Samples of two pixels side by side: R R, G G, B B, and A A or what follows.
template <int kBands>
IMGRING_SSE41 inline __m128i side_by_side(__m128i pixels) {
  static_assert(kBands == 3 || kBands == 4);
  const __m128i order =
      kBands == 3 ? _mm_setr_epi8(0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11, -1, -1, -1, -1)
                  : _mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15);
  return _mm_shuffle_epi8(pixels, order);
}

template <int kBands>
IMGRING_SSE41 void across_sse41(const std::int16_t* in, const AxisWeights& w, std::uint8_t* out) {
  const std::int16_t* weights = w.weights.data();
  for (const int first : w.first) {
    const std::int16_t* p = in + static_cast<std::ptrdiff_t>(first) * kBands;
    __m128i sums = _mm_set1_epi32(kAcrossHalf);
    for (int k = 0; k < w.taps_used; k += 2, p += 2 * kBands) {
      const __m128i two = side_by_side<kBands>(_mm_loadu_si128(as_128(p)));
      sums = _mm_add_epi32(sums, _mm_madd_epi16(two, _mm_set1_epi32(lane(weights + k))));
    }
    put_pixel(sums, out);
    out += kBands;
    weights += w.taps;
  }
}

template <int kBands>
IMGRING_AVX2 void across_avx2(const std::int16_t* in, const AxisWeights& w, std::uint8_t* out) {
  // Four pixels: the first two in the low half, the others in the high half.
  const __m256i order = _mm256_broadcastsi128_si256(side_by_side<kBands>(
      _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)));
  const __m256i spread = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
  const std::int16_t* weights = w.weights.data();
  for (const int first : w.first) {
    const std::int16_t* p = in + static_cast<std::ptrdiff_t>(first) * kBands;
    __m256i sums = _mm256_setzero_si256();
    for (int k = 0; k < w.taps; k += kTapsStep, p += kTapsStep * kBands) {
      const __m256i four = _mm256_inserti128_si256(
          _mm256_castsi128_si256(_mm_loadu_si128(as_128(p))),
          _mm_loadu_si128(as_128(p + 2 * kBands)), 1);
      const __m128i some = _mm_loadl_epi64(as_128(weights + k));
      const __m256i lanes = _mm256_permutevar8x32_epi32(_mm256_castsi128_si256(some), spread);
      sums = _mm256_add_epi32(sums, _mm256_madd_epi16(_mm256_shuffle_epi8(four, order), lanes));
    }
    const __m128i both =
        _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    put_pixel(_mm_add_epi32(both, _mm_set1_epi32(kAcrossHalf)), out);
    out += kBands;
    weights += w.taps;
  }
}

// Grey, with alpha or without: four pixels at a time, added up across the register at the end.
IMGRING_SSE41 void across_grey_sse41(const std::int16_t* in, const AxisWeights& w,
                                     std::uint8_t* out) {
  const std::int16_t* weights = w.weights.data();
  for (const int first : w.first) {
    const std::int16_t* p = in + first;
    __m128i sums = _mm_setzero_si128();
    for (int k = 0; k < w.taps; k += kTapsStep, p += kTapsStep) {
      const __m128i four = _mm_loadl_epi64(as_128(p));
      sums = _mm_add_epi32(sums, _mm_madd_epi16(four, _mm_loadl_epi64(as_128(weights + k))));
    }
    sums = _mm_add_epi32(sums, _mm_srli_si128(sums, 4));
    *out++ = narrowed(_mm_cvtsi128_si32(sums) + kAcrossHalf);
    weights += w.taps;
  }
}

IMGRING_SSE41 void across_grey_alpha_sse41(const std::int16_t* in, const AxisWeights& w,
                                           std::uint8_t* out) {
  const __m128i order = _mm_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15);
  const std::int16_t* weights = w.weights.data();
  for (const int first : w.first) {
    const std::int16_t* p = in + static_cast<std::ptrdiff_t>(first) * 2;
    __m128i sums = _mm_setzero_si128();
    for (int k = 0; k < w.taps; k += kTapsStep, p += kTapsStep * 2) {
      const __m128i four = _mm_shuffle_epi8(_mm_loadu_si128(as_128(p)), order);
      const __m128i some = _mm_loadl_epi64(as_128(weights + k));
      sums = _mm_add_epi32(sums, _mm_madd_epi16(four, _mm_unpacklo_epi32(some, some)));
    }
    sums = _mm_add_epi32(sums, _mm_srli_si128(sums, 8));
    *out++ = narrowed(_mm_cvtsi128_si32(sums) + kAcrossHalf);
    *out++ = narrowed(_mm_extract_epi32(sums, 1) + kAcrossHalf);
    weights += w.taps;
  }
}

template <int kBands>
IMGRING_SSE41 void means_sse41(const std::uint16_t* sums, const BoxMeans& boxes,
                               std::uint8_t* out) {
  static_assert(kBands >= 3);
  const __m128i factor = _mm_set1_epi32(static_cast<int>(mean_factor(boxes)));
  const __m128i half = _mm_set1_epi32(1 << (kMeanBits - 1));
  for (std::size_t i = 0; i < boxes.count; ++i, out += kBands) {
    __m128i box = _mm_setzero_si128();
    for (int k = 0; k < boxes.across; ++k, sums += kBands) {
      box = _mm_add_epi32(box, _mm_cvtepu16_epi32(_mm_loadl_epi64(as_128(sums))));
    }
    const __m128i wide = _mm_add_epi32(_mm_mullo_epi32(box, factor), half);
    const __m128i whole = _mm_srli_epi32(wide, kMeanBits);
    const __m128i words = _mm_packus_epi32(whole, whole);
    const int pixel = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
    std::memcpy(out, &pixel, sizeof pixel);
  }
}

IMGRING_SSE41 void add_sse41(const std::uint8_t* row, std::size_t size_bytes,
                             std::uint16_t* sums) {
  add_stretch(row, size_bytes, sums);
}
IMGRING_AVX2 void add_avx2(const std::uint8_t* row, std::size_t size_bytes, std::uint16_t* sums) {
  constexpr std::size_t kStep = 16;
  std::size_t x = 0;
  for (; x + kStep <= size_bytes; x += kStep) {
    auto* at = reinterpret_cast<__m256i*>(sums + x);
    const __m256i wide = _mm256_cvtepu8_epi16(_mm_loadu_si128(as_128(row + x)));
    _mm256_storeu_si256(at, _mm256_add_epi16(_mm256_loadu_si256(at), wide));
  }
  add_stretch(row + x, size_bytes - x, sums + x);
}

// Two pixels as 16 bit: colours times alpha, alpha times 255; over 255, rounded.
IMGRING_SSE41 inline __m128i times_alpha(__m128i pixels, __m128i alphas) {
  const __m128i whole = _mm_setr_epi16(0, 0, 0, 255, 0, 0, 0, 255);
  const __m128i by = _mm_or_si128(alphas, whole);
  const __m128i product = _mm_add_epi16(_mm_mullo_epi16(pixels, by), _mm_set1_epi16(128));
  return _mm_srli_epi16(_mm_add_epi16(product, _mm_srli_epi16(product, 8)), 8);
}
IMGRING_SSE41 void premultiply_sse41(const std::uint8_t* in, std::size_t pixel_count,
                                     std::uint8_t* out) {
  constexpr std::size_t kStep = 4, kPixelBytes = 4;
  const __m128i zero = _mm_setzero_si128();
  const __m128i low = _mm_setr_epi8(3, -1, 3, -1, 3, -1, -1, -1, 7, -1, 7, -1, 7, -1, -1, -1);
  const __m128i high =
      _mm_setr_epi8(11, -1, 11, -1, 11, -1, -1, -1, 15, -1, 15, -1, 15, -1, -1, -1);
  std::size_t i = 0;
  for (; i + kStep <= pixel_count; i += kStep) {
    const __m128i pixels = _mm_loadu_si128(as_128(in + i * kPixelBytes));
    const __m128i left = times_alpha(_mm_unpacklo_epi8(pixels, zero),
                                     _mm_shuffle_epi8(pixels, low));
    const __m128i right = times_alpha(_mm_unpackhi_epi8(pixels, zero),
                                      _mm_shuffle_epi8(pixels, high));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i * kPixelBytes),
                     _mm_packus_epi16(left, right));
  }
  premultiply_stretch(in + i * kPixelBytes, pixel_count - i, out + i * kPixelBytes);
}

IMGRING_AVX2 inline __m256i times_alpha(__m256i pixels, __m256i alphas) {
  const __m256i whole = _mm256_set1_epi64x(std::int64_t{255} << 48);
  const __m256i by = _mm256_or_si256(alphas, whole);
  const __m256i product = _mm256_add_epi16(_mm256_mullo_epi16(pixels, by), _mm256_set1_epi16(128));
  return _mm256_srli_epi16(_mm256_add_epi16(product, _mm256_srli_epi16(product, 8)), 8);
}
IMGRING_AVX2 void premultiply_avx2(const std::uint8_t* in, std::size_t pixel_count,
                                   std::uint8_t* out) {
  constexpr std::size_t kStep = 8, kPixelBytes = 4;
  const __m256i zero = _mm256_setzero_si256();
  const __m256i low = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(3, -1, 3, -1, 3, -1, -1, -1, 7, -1, 7, -1, 7, -1, -1, -1));
  const __m256i high = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(11, -1, 11, -1, 11, -1, -1, -1, 15, -1, 15, -1, 15, -1, -1, -1));
  std::size_t i = 0;
  for (; i + kStep <= pixel_count; i += kStep) {
    const __m256i pixels = _mm256_loadu_si256(as_256(in + i * kPixelBytes));
    const __m256i left = times_alpha(_mm256_unpacklo_epi8(pixels, zero),
                                     _mm256_shuffle_epi8(pixels, low));
    const __m256i right = times_alpha(_mm256_unpackhi_epi8(pixels, zero),
                                      _mm256_shuffle_epi8(pixels, high));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i * kPixelBytes),
                        _mm256_packus_epi16(left, right));
  }
  premultiply_stretch(in + i * kPixelBytes, pixel_count - i, out + i * kPixelBytes);
}

constexpr ResizeLoops kSse41Loops{
    down_sse41,
    {across_grey_sse41, across_grey_alpha_sse41, across_sse41<3>, across_sse41<4>},
    add_sse41,
    {means_plain<1>, means_plain<2>, means_sse41<3>, means_sse41<4>},
    premultiply_sse41};
constexpr ResizeLoops kAvx2Loops{
    down_avx2,
    {across_grey_sse41, across_grey_alpha_sse41, across_avx2<3>, across_avx2<4>},
    add_avx2,
    {means_plain<1>, means_plain<2>, means_sse41<3>, means_sse41<4>},
    premultiply_avx2};

}  // namespace

const ResizeLoops* wide_loops(Simd simd) noexcept {
  if (simd == Simd::kSse41) return &kSse41Loops;
  return simd == Simd::kAvx2 ? &kAvx2Loops : nullptr;
}

#else

const ResizeLoops* wide_loops(Simd) noexcept { return nullptr; }

#endif

}  // namespace imgring::image
