// Gaussian blur of rows of 8-bit samples, first along the row, then across rows.
// Owns its mask. Any thread. Promises: the mask of vips_gaussblur in whole numbers, and samples
// rounded to the nearest after each pass, as there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace imgring::codec {

// The Gauss mask of libvips in whole numbers, from the middle outwards, as far as it is above
// `least`; and what it adds up to, both sides.
struct GaussMask {
  std::vector<float> weights;
  float sum = 0;
  int radius() const noexcept { return static_cast<int>(weights.size()) - 1; }
};
GaussMask gauss_mask(double sigma, double least);

// Above it a row waits for so many others that a picture in memory is no worse.
inline constexpr double kBlurRowsSigmaMax = 17;

class Blurrer {
 public:
  explicit Blurrer(double sigma);  // above 0, at most kBlurRowsSigmaMax
  int radius() const noexcept { return mask_.radius(); }
  // `row` has radius() pixels more on both sides, where the outermost repeats. `sums`: room for the
  // samples of a row.
  struct Row {
    std::size_t pixel_count;
    std::size_t bands;
  };
  void across(const Row& size, const std::uint8_t* row, float* sums,
              std::uint8_t* out) const noexcept;
  // Of 2 * radius() + 1 rows the one in the middle.
  void down(const Row& size, const std::uint8_t* const* rows, float* sums,
            std::uint8_t* out) const noexcept;

 private:
  GaussMask mask_;
};

}  // namespace imgring::codec
