// The table of image formats (processing.md section 3, facts of the formats). Immutable, any
// thread.
#include "imgring/base/image_type.h"

#include <array>
#include <cstddef>

namespace imgring {
namespace {

constexpr bool o = false, Y = true;
// In the order of ImageType: vector, alpha, icc, quality, animation load, save, hdr, thumbnail.
constexpr auto kFacts = std::to_array<ImageTypeFacts>({
    {"", "application/octet-stream", "", o, o, o, o, o, o, o, o},
    {"jpeg", "image/jpeg", ".jpg", o, o, Y, Y, o, o, o, o},
    {"jxl", "image/jxl", ".jxl", o, Y, Y, Y, Y, o, Y, o},
    {"png", "image/png", ".png", o, Y, Y, o, o, o, Y, o},
    {"webp", "image/webp", ".webp", o, Y, Y, Y, Y, Y, o, o},
    {"gif", "image/gif", ".gif", o, Y, o, o, Y, Y, o, o},
    {"ico", "image/x-icon", ".ico", o, Y, o, o, o, o, o, o},
    {"svg", "image/svg+xml", ".svg", Y, Y, o, o, o, o, o, o},
    {"heic", "image/heif", ".heic", o, Y, Y, Y, o, o, o, Y},
    {"avif", "image/avif", ".avif", o, Y, Y, Y, o, o, Y, Y},
    {"bmp", "image/bmp", ".bmp", o, Y, o, o, o, o, o, o},
    {"tiff", "image/tiff", ".tiff", o, Y, Y, Y, o, o, Y, o},
});
static_assert(kFacts.size() == kImageTypeCount);

}  // namespace

const ImageTypeFacts& facts_of(ImageType type) noexcept {
  return kFacts[static_cast<std::size_t>(type)];
}

std::optional<ImageType> image_type_by_name(std::string_view name) noexcept {
  if (name.empty()) return std::nullopt;
  if (name == "jpg") return ImageType::kJpeg;
  for (std::size_t i = 1; i < kFacts.size(); ++i) {
    if (kFacts[i].name == name) return static_cast<ImageType>(i);
  }
  return std::nullopt;
}

}  // namespace imgring
