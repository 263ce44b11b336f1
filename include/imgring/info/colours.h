// Colours of a small picture: average, palette, dominant ones (info.md section 5).
// Plain functions, any thread.
// Promises: work of pixels times colours at most, whatever the picture.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "imgring/info/pixels.h"

namespace imgring::info {

struct Rgba {
  std::uint8_t r = 0, g = 0, b = 0, a = 0;
  bool operator==(const Rgba&) const = default;
};

// The rounded mean of each channel; with `ignore_transparent` of pixels whose alpha is above 0.
// Nothing counted: zeros.
Rgba average(const Pixels& pixels, bool ignore_transparent);
// Whether some alpha is below 255.
bool any_transparent(const Pixels& pixels) noexcept;

struct Counted {
  Rgba color;
  std::size_t count = 0;
};
// At most `colors_max` colours, the most frequent first; exact where the picture has no more.
// Transparent pixels are one colour of zeros.
std::vector<Counted> quantise(const Pixels& pixels, int colors_max);

enum class Dominant : std::uint8_t {
  kVibrant,
  kLightVibrant,
  kDarkVibrant,
  kMuted,
  kLightMuted,
  kDarkMuted
};
inline constexpr std::array<const char*, 6> kDominantNames = {
    "vibrant", "light_vibrant", "dark_vibrant", "muted", "light_muted", "dark_muted"};
using DominantColors = std::array<std::optional<Rgba>, kDominantNames.size()>;
// `build_missed`: those that were not found are made from those that were.
DominantColors dominant_colors(const Pixels& pixels, bool build_missed);
// The second half of it.
void build_missed_colors(DominantColors* colors);

}  // namespace imgring::info
