// Lanczos3 reduction of 8-bit RGB rows in 14-bit fixed point: weights for each axis, and the loops.
// Owns nothing but the weights. Any thread.
// Promises: sampling positions are those of vips_reduce with its centre convention, edge pixels
// repeat; every instruction set gives the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace imgring::image {

// `size` pixels from `offset` on become `resized` pixels, of which `count` from `first` on are
// wanted. `shrink` is what the plan divides by, which `size / resized` is only nearly.
struct ResizeAxis {
  int offset = 0, size = 0, resized = 0;
  double shrink = 1;
  int first = 0, count = 0;
};

inline constexpr double kNativeShrinkMax = 4;  // from there on libvips averages boxes first
inline constexpr int kTapsMax = 32;            // 2 * 3 * 4 + 1, in fours
// The loops may read and write so many bytes behind a row.
inline constexpr std::size_t kRowPadBytes = 256;

struct AxisWeights {
  int taps = 0;       // a multiple of four, at most kTapsMax
  int taps_used = 0;  // the ones behind these weigh nothing; even
  int source_first = 0, source_count = 0;  // pixels of the axis that are looked at
  std::vector<int> first;                  // from source_first on, not falling
  std::vector<std::int16_t> weights;       // `taps` for each result pixel, summing to 16384
  bool identical = false;                  // result pixel i is source pixel i
};
AxisWeights make_weights(const ResizeAxis& axis);

struct ResizeLoops {
  // rows[0 .. taps_used) weighed into one row.
  void (*down)(const std::uint8_t* const* rows, const std::int16_t* weights, int taps_used,
               std::size_t size_bytes, std::uint8_t* out);
  // RGB pixels of a row weighed into the pixels of a narrower one.
  void (*across)(const std::uint8_t* in, const AxisWeights& weights, std::uint8_t* out);
};
enum class Simd : std::uint8_t { kPlain, kSse41, kAvx2 };
bool has_simd(Simd simd) noexcept;
// The best this machine has, and those of one instruction set.
const ResizeLoops& resize_loops() noexcept;
const ResizeLoops& resize_loops_of(Simd simd) noexcept;

}  // namespace imgring::image
