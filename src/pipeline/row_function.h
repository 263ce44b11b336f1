// Point operations as steps of libvips' pipeline: rows stream through a function of ours, and
// nothing is kept.
// Owns nothing; the picture that is given back owns the function and the picture it reads. Helper
// threads only.
#pragma once

#include <cstdint>
#include <functional>

#include "imgring/image/vips_image.h"

namespace imgring::pipeline {

// Pixels of a row: `count` of them from `left` on.
struct RowPart {
  int left = 0, y = 0, count = 0;
};
// What it reads and what it writes never overlap. Called by any thread, by several at once.
using RowFunction =
    std::function<void(const std::uint8_t* in, std::uint8_t* out, const RowPart& part)>;

// 8 bits a sample in sRGB, three bands of colour and perhaps alpha: what row functions work on.
Result<image::VipsImagePtr> eight_bit_srgb(VipsImage* picture);
// The picture that `function` makes of the rows of one of 8 bits a sample; as many bands.
Result<image::VipsImagePtr> mapped_rows(VipsImage* picture, RowFunction function);

// Half away from zero, within 0..255.
constexpr std::uint8_t to_sample(double v) noexcept {
  if (!(v > 0)) return 0;
  return v >= 255 ? 255 : static_cast<std::uint8_t>(v + 0.5);
}

}  // namespace imgring::pipeline
