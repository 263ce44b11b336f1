// The image formats as a type. What is known of each stands in its row (format/format.h).
#pragma once

#include <cstdint>

namespace imgring {

enum class ImageType : std::uint8_t {
  kUnknown,
  kJpeg,
  kJxl,
  kPng,
  kWebp,
  kGif,
  kIco,
  kSvg,
  kHeic,
  kAvif,
  kBmp,
  kTiff,
  kEnd
};
inline constexpr int kImageTypeCount = static_cast<int>(ImageType::kEnd);

// A set of formats as bits.
struct ImageTypeSet {
  std::uint16_t bits = 0;
  constexpr bool has(ImageType t) const noexcept { return (bits >> static_cast<int>(t)) & 1; }
  constexpr void add(ImageType t) noexcept {
    bits = static_cast<std::uint16_t>(bits | (1u << static_cast<int>(t)));
  }
};
static_assert(kImageTypeCount <= 16, "a bit for each");

}  // namespace imgring
