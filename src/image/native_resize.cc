// Weights by libvips' formulas; loops in plain C++, SSE4.1 and AVX2. Sums are exact in 32 bit and
// narrowed the same way everywhere, so that the order of additions does not matter.
#include "imgring/image/native_resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "imgring/base/check.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace imgring::image {
namespace {

constexpr int kWeightBits = 14, kWeightOne = 1 << kWeightBits, kHalf = kWeightOne / 2;
constexpr double kLobes = 3;
constexpr int kTapsStep = 4, kBands = 3;

double lanczos(double x) noexcept {
  constexpr double kTiny = 1e-9;
  x = std::abs(x);
  if (x < kTiny) return 1;
  if (x >= kLobes) return 0;
  const double px = std::numbers::pi * x;
  return kLobes * std::sin(px) * std::sin(px / kLobes) / (px * px);
}

// What one result pixel is made of.
struct Window {
  int first = 0, last = 0;  // within the axis
  double centre = 0;
};

bool identical(const ResizeAxis& axis) noexcept {
  return axis.shrink == 1 && axis.size == axis.resized;
}
// How far from its centre a result pixel looks.
double reach_of(const ResizeAxis& axis) noexcept {
  return identical(axis) ? 0 : kLobes * axis.shrink;
}

// libvips shares what rounding the size left over between both ends.
Window window_of(const ResizeAxis& axis, int index) noexcept {
  const double left_over = axis.resized * axis.shrink - axis.size;
  Window w;
  w.centre = (axis.first + index + 0.5) * axis.shrink - 0.5 - left_over / 2;
  const double reach = reach_of(axis);
  w.first = std::clamp(static_cast<int>(std::ceil(w.centre - reach)), 0, axis.size - 1);
  w.last = std::clamp(static_cast<int>(std::floor(w.centre + reach)), w.first, axis.size - 1);
  return w;
}

// Rounding must not change the brightness: the heaviest pixel takes what is over.
void put_weights(const ResizeAxis& axis, const Window& w, std::int16_t* out) noexcept {
  double exact[kTapsMax] = {};
  double sum = 0;
  const int from = static_cast<int>(std::ceil(w.centre - reach_of(axis)));
  const int to = static_cast<int>(std::floor(w.centre + reach_of(axis)));
  for (int at = from; at <= to; ++at) {
    const double weight = lanczos((at - w.centre) / axis.shrink);
    exact[std::clamp(at, w.first, w.last) - w.first] += weight;
    sum += weight;
  }
  int left = kWeightOne, heaviest = 0;
  for (int i = 0; i <= w.last - w.first; ++i) {
    const int rounded = static_cast<int>(std::lround(exact[i] / sum * kWeightOne));
    out[i] = static_cast<std::int16_t>(rounded);
    left -= rounded;
    if (out[i] > out[heaviest]) heaviest = i;
  }
  out[heaviest] = static_cast<std::int16_t>(out[heaviest] + left);
}

int rounded_up(int value, int step) noexcept { return (value + step - 1) / step * step; }

std::uint8_t narrowed(int sum) noexcept {
  return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

// One stretch of a row, for what is left over by wide registers too.
void down_from(const std::uint8_t* const* rows, const std::int16_t* weights, int taps,
               std::size_t from, std::size_t to, std::uint8_t* out) noexcept {
  constexpr std::size_t kBlock = 256;
  for (std::size_t start = from; start < to; start += kBlock) {
    const std::size_t size = std::min(kBlock, to - start);
    int sums[kBlock];
    std::fill_n(sums, size, kHalf);
    for (int k = 0; k < taps; ++k) {
      const std::uint8_t* row = rows[k] + start;
      const int weight = weights[k];
      for (std::size_t i = 0; i < size; ++i) sums[i] += weight * row[i];
    }
    for (std::size_t i = 0; i < size; ++i) out[start + i] = narrowed(sums[i]);
  }
}

void down_plain(const std::uint8_t* const* rows, const std::int16_t* weights, int taps,
                std::size_t size_bytes, std::uint8_t* out) {
  down_from(rows, weights, taps, 0, size_bytes, out);
}

void across_plain(const std::uint8_t* in, const AxisWeights& w, std::uint8_t* out) {
  const std::int16_t* weights = w.weights.data();
  for (const int first : w.first) {
    const std::uint8_t* p = in + static_cast<std::ptrdiff_t>(first) * kBands;
    int red = kHalf, green = kHalf, blue = kHalf;
    for (int k = 0; k < w.taps_used; ++k, p += kBands) {
      red += weights[k] * p[0];
      green += weights[k] * p[1];
      blue += weights[k] * p[2];
    }
    out[0] = narrowed(red);
    out[1] = narrowed(green);
    out[2] = narrowed(blue);
    out += kBands;
    weights += w.taps;
  }
}

#if defined(__x86_64__)

#define IMGRING_SSE41 __attribute__((target("sse4.1")))
#define IMGRING_AVX2 __attribute__((target("avx2")))

// Two neighbouring weights as one 32-bit lane.
int weight_pair(const std::int16_t* weights) noexcept {
  int pair;
  std::memcpy(&pair, weights, sizeof pair);
  return pair;
}

const __m128i* as_128(const std::uint8_t* p) noexcept {
  return reinterpret_cast<const __m128i*>(p);
}
const __m256i* as_256(const std::uint8_t* p) noexcept {
  return reinterpret_cast<const __m256i*>(p);
}

IMGRING_SSE41 void down_sse41(const std::uint8_t* const* rows, const std::int16_t* weights,
                              int taps, std::size_t size_bytes, std::uint8_t* out) {
  constexpr std::size_t kStep = 16;
  const __m128i zero = _mm_setzero_si128();
  std::size_t x = 0;
  for (; x + kStep <= size_bytes; x += kStep) {
    __m128i a = _mm_set1_epi32(kHalf), b = a, c = a, d = a;
    for (int k = 0; k < taps; k += 2) {
      const __m128i w = _mm_set1_epi32(weight_pair(weights + k));
      const __m128i one = _mm_loadu_si128(as_128(rows[k] + x));
      const __m128i two = _mm_loadu_si128(as_128(rows[k + 1] + x));
      const __m128i low = _mm_unpacklo_epi8(one, two), high = _mm_unpackhi_epi8(one, two);
      a = _mm_add_epi32(a, _mm_madd_epi16(_mm_unpacklo_epi8(low, zero), w));
      b = _mm_add_epi32(b, _mm_madd_epi16(_mm_unpackhi_epi8(low, zero), w));
      c = _mm_add_epi32(c, _mm_madd_epi16(_mm_unpacklo_epi8(high, zero), w));
      d = _mm_add_epi32(d, _mm_madd_epi16(_mm_unpackhi_epi8(high, zero), w));
    }
    const __m128i left = _mm_packs_epi32(_mm_srai_epi32(a, kWeightBits),
                                         _mm_srai_epi32(b, kWeightBits));
    const __m128i right = _mm_packs_epi32(_mm_srai_epi32(c, kWeightBits),
                                          _mm_srai_epi32(d, kWeightBits));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + x), _mm_packus_epi16(left, right));
  }
  down_from(rows, weights, taps, x, size_bytes, out);
}

IMGRING_AVX2 void down_avx2(const std::uint8_t* const* rows, const std::int16_t* weights, int taps,
                            std::size_t size_bytes, std::uint8_t* out) {
  constexpr std::size_t kStep = 32;
  const __m256i zero = _mm256_setzero_si256();
  std::size_t x = 0;
  for (; x + kStep <= size_bytes; x += kStep) {
    __m256i a = _mm256_set1_epi32(kHalf), b = a, c = a, d = a;
    for (int k = 0; k < taps; k += 2) {
      const __m256i w = _mm256_set1_epi32(weight_pair(weights + k));
      const __m256i one = _mm256_loadu_si256(as_256(rows[k] + x));
      const __m256i two = _mm256_loadu_si256(as_256(rows[k + 1] + x));
      const __m256i low = _mm256_unpacklo_epi8(one, two), high = _mm256_unpackhi_epi8(one, two);
      a = _mm256_add_epi32(a, _mm256_madd_epi16(_mm256_unpacklo_epi8(low, zero), w));
      b = _mm256_add_epi32(b, _mm256_madd_epi16(_mm256_unpackhi_epi8(low, zero), w));
      c = _mm256_add_epi32(c, _mm256_madd_epi16(_mm256_unpacklo_epi8(high, zero), w));
      d = _mm256_add_epi32(d, _mm256_madd_epi16(_mm256_unpackhi_epi8(high, zero), w));
    }
    const __m256i left = _mm256_packs_epi32(_mm256_srai_epi32(a, kWeightBits),
                                            _mm256_srai_epi32(b, kWeightBits));
    const __m256i right = _mm256_packs_epi32(_mm256_srai_epi32(c, kWeightBits),
                                             _mm256_srai_epi32(d, kWeightBits));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + x), _mm256_packus_epi16(left, right));
  }
  down_from(rows, weights, taps, x, size_bytes, out);
}

// The three sums of a pixel, narrowed; the fourth byte is the next pixel's to overwrite.
IMGRING_SSE41 inline void put_pixel(__m128i sums, std::uint8_t* out) {
  const __m128i shifted = _mm_srai_epi32(sums, kWeightBits);
  const __m128i words = _mm_packs_epi32(shifted, shifted);
  const int pixel = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
  std::memcpy(out, &pixel, sizeof pixel);
}

IMGRING_SSE41 void across_sse41(const std::uint8_t* in, const AxisWeights& w, std::uint8_t* out) {
  // Two pixels side by side: R R, G G, B B as 16 bit.
  const __m128i pairs = _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1);
  const std::int16_t* weights = w.weights.data();
  for (const int first : w.first) {
    const std::uint8_t* p = in + static_cast<std::ptrdiff_t>(first) * kBands;
    __m128i sums = _mm_set1_epi32(kHalf);
    for (int k = 0; k < w.taps_used; k += 2, p += 2 * kBands) {
      const __m128i pixels = _mm_shuffle_epi8(_mm_loadl_epi64(as_128(p)), pairs);
      sums = _mm_add_epi32(sums,
                           _mm_madd_epi16(pixels, _mm_set1_epi32(weight_pair(weights + k))));
    }
    put_pixel(sums, out);
    out += kBands;
    weights += w.taps;
  }
}

IMGRING_AVX2 void across_avx2(const std::uint8_t* in, const AxisWeights& w, std::uint8_t* out) {
  // Four pixels: the first two in the low half, the others in the high half.
  const __m256i pairs = _mm256_setr_epi8(
      0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1,
      6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
  const __m256i spread = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
  const std::int16_t* weights = w.weights.data();
  for (const int first : w.first) {
    const std::uint8_t* p = in + static_cast<std::ptrdiff_t>(first) * kBands;
    __m256i sums = _mm256_setzero_si256();
    for (int k = 0; k < w.taps; k += kTapsStep, p += kTapsStep * kBands) {
      const __m256i four = _mm256_broadcastsi128_si256(_mm_loadu_si128(as_128(p)));
      const __m128i some = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(weights + k));
      const __m256i lanes = _mm256_permutevar8x32_epi32(_mm256_castsi128_si256(some), spread);
      sums = _mm256_add_epi32(sums, _mm256_madd_epi16(_mm256_shuffle_epi8(four, pairs), lanes));
    }
    const __m128i both =
        _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    put_pixel(_mm_add_epi32(both, _mm_set1_epi32(kHalf)), out);
    out += kBands;
    weights += w.taps;
  }
}

#endif

}  // namespace

AxisWeights make_weights(const ResizeAxis& axis) {
  IMGRING_CHECK(axis.count > 0);
  IMGRING_CHECK(axis.shrink < kNativeShrinkMax);
  AxisWeights out;
  std::vector<Window> windows;
  int longest = 0;
  for (int i = 0; i < axis.count; ++i) {
    const Window& w = windows.emplace_back(window_of(axis, i));
    longest = std::max(longest, w.last - w.first + 1);
  }
  out.taps = rounded_up(longest, kTapsStep);
  IMGRING_CHECK(out.taps <= kTapsMax);
  out.taps_used = rounded_up(longest, 2);
  out.source_first = windows.front().first;
  out.source_count = windows.back().last + 1 - out.source_first;
  out.weights.resize(static_cast<std::size_t>(axis.count) * static_cast<std::size_t>(out.taps));
  std::int16_t* weights = out.weights.data();
  for (const Window& w : windows) {
    out.first.push_back(w.first - out.source_first);
    put_weights(axis, w, weights);
    weights += out.taps;
  }
  out.identical = identical(axis);
  return out;
}

bool has_simd(Simd simd) noexcept {
#if defined(__x86_64__)
  if (simd == Simd::kSse41) return __builtin_cpu_supports("sse4.1") != 0;
  if (simd == Simd::kAvx2) return __builtin_cpu_supports("avx2") != 0;
#endif
  return simd == Simd::kPlain;
}

const ResizeLoops& resize_loops_of(Simd simd) noexcept {
  static constexpr ResizeLoops kPlainLoops{down_plain, across_plain};
#if defined(__x86_64__)
  static constexpr ResizeLoops kSse41Loops{down_sse41, across_sse41};
  static constexpr ResizeLoops kAvx2Loops{down_avx2, across_avx2};
  if (simd == Simd::kSse41) return kSse41Loops;
  if (simd == Simd::kAvx2) return kAvx2Loops;
#endif
  (void)simd;
  return kPlainLoops;
}

const ResizeLoops& resize_loops() noexcept {
  static const ResizeLoops& best = resize_loops_of(has_simd(Simd::kAvx2)    ? Simd::kAvx2
                                                   : has_simd(Simd::kSse41) ? Simd::kSse41
                                                                            : Simd::kPlain);
  return best;
}

}  // namespace imgring::image
