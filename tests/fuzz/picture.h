// What the fuzz targets of pictures share: a picture that was accepted can be read or refused,
// within 4 megapixels.
#pragma once

#include <cstdint>

#include "imgring/base/check.h"
#include "imgring/image/encoder.h"
#include "imgring/image/loader.h"

namespace imgring::image::fuzz {

inline constexpr std::int64_t kPixelsMax = 4'000'000;

inline bool libvips_ready() {
  static const bool ready = init_vips("fuzz").has_value();
  return ready;
}

// Null: refused, or larger.
inline VipsImagePtr pixels_of(ByteSpan bytes, ImageType type) {
  const auto picture = load(bytes, type, LoadParams{});
  if (!picture) {
    IMGRING_CHECK(picture.error().code == ErrorCode::kBrokenImage);
    return nullptr;
  }
  const std::int64_t width = vips_image_get_width(picture->get());
  const std::int64_t height = vips_image_get_height(picture->get());
  if (width * height > kPixelsMax) return nullptr;
  auto pixels = copy_to_memory(picture->get(), StopFlag{});
  if (pixels) return std::move(*pixels);
  IMGRING_CHECK(pixels.error().code == ErrorCode::kBrokenImage);
  return nullptr;
}

inline void read_picture(ByteSpan bytes, ImageType type) {
  static_cast<void>(pixels_of(bytes, type));
  job_finished();
}

}  // namespace imgring::image::fuzz
