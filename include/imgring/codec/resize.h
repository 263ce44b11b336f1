// Lanczos3 reduction of rows of 8-bit pixels in 14-bit fixed point: weights for each axis, and the
// loops; means of boxes before reductions of four and more; alpha multiplied in and out.
// Owns nothing but the weights. Any thread.
// Promises: sampling positions are those of vips_reduce with its centre convention, boxes those of
// its gap of 2, edge pixels repeat; every instruction set gives the same bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace imgring::codec {

// `size` pixels from `offset` on become `resized` pixels, of which `count` from `first` on are
// wanted. `shrink` is what the plan divides by, which `size / resized` is only nearly; what that
// leaves over is shared between both ends, as in libvips, unless `start` tells where the first of
// the resized begins, in pixels of the axis.
struct ResizeAxis {
  int offset = 0, size = 0, resized = 0;
  double shrink = 1;
  int first = 0, count = 0;
  std::optional<double> start = {};
};

// Pixels of an axis whose mean is taken before the rest is reduced: 1 below a reduction of four.
int box_of(const ResizeAxis& axis) noexcept;
inline constexpr int kBoxMax = 64;   // sums of 64 x 64 samples and their division fit 32 bit
inline constexpr int kTapsMax = 32;  // 2 * 3 * 4 + 1, in fours
inline constexpr int kBandsMax = 4;
// The loops may read and write so many bytes behind a row.
inline constexpr std::size_t kRowPadBytes = 256;

// Pixels here are boxes, where there are any.
struct AxisWeights {
  int box = 1;
  int taps = 0;                            // a multiple of four, at most kTapsMax
  int taps_used = 0;                       // the ones behind these weigh nothing; even
  int source_first = 0, source_count = 0;  // pixels of the axis that are looked at
  std::vector<int> first;                  // from source_first on, not falling
  std::vector<std::int16_t> weights;       // `taps` for each result pixel, summing to 16384
  bool identical = false;                  // result pixel i is source pixel i
};
AxisWeights make_weights(const ResizeAxis& axis);

// Between the two axes samples have so many bits behind the point: rounded once, at the end,
// results are up to 2 dB nearer to exact ones.
inline constexpr int kFineBits = 6;
void to_fine(const std::uint8_t* row, std::size_t sample_count, std::int16_t* out) noexcept;
void from_fine(const std::int16_t* row, std::size_t sample_count, std::uint8_t* out) noexcept;

struct BoxMeans {
  int across = 1, down = 1;  // of a box
  std::size_t count = 0;     // boxes
};

struct ResizeLoops {
  // rows[0 .. taps_used) weighed into one row of fine samples.
  void (*down)(const std::uint8_t* const* rows, const std::int16_t* weights, int taps_used,
               std::size_t sample_count, std::int16_t* out);
  // Pixels of a row weighed into the pixels of a narrower one; by bands - 1.
  std::array<void (*)(const std::int16_t* in, const AxisWeights& weights, std::uint8_t* out),
             kBandsMax>
      across;
  void (*add)(const std::uint8_t* row, std::size_t size_bytes, std::uint16_t* sums);
  // From the sums of `down` rows, with boxes.across * boxes.count pixels; by bands - 1.
  std::array<void (*)(const std::uint16_t* sums, const BoxMeans& boxes, std::uint8_t* out),
             kBandsMax>
      means;
  // RGBA, rounded to the nearest.
  void (*premultiply)(const std::uint8_t* in, std::size_t pixel_count, std::uint8_t* out);
};
// The best this machine has.
const ResizeLoops& resize_loops() noexcept;
// Those without any wide registers: what the others are compared with.
const ResizeLoops& plain_resize_loops() noexcept;
// Those of each level that this machine has, by Highway's name for it. For tests and benchmarks: no
// other thread may ask for loops meanwhile.
struct LoopsOfLevel {
  const char* name;
  const ResizeLoops* loops;
};
std::vector<LoopsOfLevel> resize_loops_of_all_levels();

// Rows whose last band is alpha, which colours are multiplied by and divided by; in place.
void premultiply_grey(std::uint8_t* row, std::size_t pixel_count) noexcept;
void unpremultiply(std::uint8_t* row, std::size_t pixel_count, int bands) noexcept;

}  // namespace imgring::codec
