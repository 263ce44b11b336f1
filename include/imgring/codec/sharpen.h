// Sharpening of rows of 8-bit sRGB: the lightness of CIELAB moves away from its own blurred copy
// where it differs from it by more than a little; colour stays.
// Owns its mask. Any thread. Promises: what vips_sharpen does with its defaults, within rounding,
// but for pixels that it leaves as they are, which it rounds twice and we do not touch.
#pragma once

#include <cstddef>
#include <cstdint>

#include "imgring/codec/blur.h"

namespace imgring::codec {

// Masks of larger sigmas have more taps than are added up exactly here.
inline constexpr double kSharpenRowsSigmaMax = 7;

class Sharpener {
 public:
  explicit Sharpener(double sigma);  // above 0, at most kSharpenRowsSigmaMax
  // Rows and pixels around a pixel that count for it.
  int radius() const noexcept { return mask_.radius(); }

  // 0 to 32767 for each pixel; radius() more on both sides, where the outermost repeats.
  void lightness(const std::uint8_t* rgb, std::size_t count, std::int16_t* out) const noexcept;
  // Of such a row, without what it has on its sides.
  void blur_across(const std::int16_t* lightness, std::size_t count, float* sums,
                   std::int16_t* out) const noexcept;
  struct Row {
    const std::uint8_t* rgb;
    const std::int16_t* lightness;       // of the first pixel
    const std::int16_t* const* blurred;  // 2 * radius() + 1 rows, this one in the middle
    std::size_t count;
  };
  // `sums`: room for a row.
  void sharpen(const Row& row, float* sums, std::uint8_t* out) const noexcept;

 private:
  GaussMask mask_;
};

}  // namespace imgring::codec
