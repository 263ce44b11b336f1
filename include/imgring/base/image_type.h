// Names and facts of the image formats, in imgproxy's words. Any thread, immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace imgring {

enum class ImageType : std::uint8_t {
  kUnknown, kJpeg, kJxl, kPng, kWebp, kGif, kIco, kSvg, kHeic, kAvif, kBmp, kTiff
};
inline constexpr int kImageTypeCount = 12;

struct ImageTypeFacts {
  std::string_view name;       // "jpeg"
  std::string_view mime;       // "image/jpeg"
  std::string_view extension;  // ".jpg"
  bool vector, alpha, icc, quality, animation_load, animation_save, hdr, thumbnail;
};
// processing.md section 3, facts of the formats.
const ImageTypeFacts& facts_of(ImageType type) noexcept;
// "jpeg", "jpg", "png", ...: lower case only (urls.md 3.5).
std::optional<ImageType> image_type_by_name(std::string_view name) noexcept;

// A set of formats as bits.
struct ImageTypeSet {
  std::uint16_t bits = 0;
  constexpr bool has(ImageType t) const noexcept { return (bits >> static_cast<int>(t)) & 1; }
  constexpr void add(ImageType t) noexcept {
    bits = static_cast<std::uint16_t>(bits | (1u << static_cast<int>(t)));
  }
};

}  // namespace imgring
