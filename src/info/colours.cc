// Averages, and the choice of dominant colours by saturation and lightness.
#include "imgring/info/colours.h"

#include <algorithm>
#include <cmath>

#include "imgring/base/check.h"

namespace imgring::info {
namespace {

struct Hsl {
  double h = 0, s = 0, l = 0;  // 0..1 each
};

Hsl to_hsl(const Rgba& color) noexcept {
  const double r = color.r / 255.0, g = color.g / 255.0, b = color.b / 255.0;
  const double most = std::max({r, g, b}), least = std::min({r, g, b});
  const double range = most - least;
  Hsl out{0, 0, (most + least) / 2};
  if (range == 0) return out;
  out.s = range / (1 - std::abs(2 * out.l - 1));
  if (most == r) out.h = (g - b) / range + (g < b ? 6 : 0);
  if (most == g && most != r) out.h = (b - r) / range + 2;
  if (most == b && most != r && most != g) out.h = (r - g) / range + 4;
  out.h /= 6;
  return out;
}

Rgba to_rgb(const Hsl& color) noexcept {
  const double chroma = (1 - std::abs(2 * color.l - 1)) * color.s;
  // The distance of each channel's own hue: red 0, green 1/3, blue 2/3.
  const auto channel = [&](double own) {
    double away = std::abs(color.h - own);
    away = std::min(away, 1 - away);
    const double part = std::clamp(2 - away * 6, 0.0, 1.0);
    return static_cast<std::uint8_t>(std::lround((color.l - chroma / 2 + chroma * part) * 255));
  };
  return {channel(0), channel(1.0 / 3), channel(2.0 / 3), 255};
}

// Ranges and targets of the Palette and Vibrant libraries.
struct Target {
  double l_min, l, l_max, s_min, s, s_max;
};
constexpr Target target_of(double l_min, double l, double l_max, bool vibrant) noexcept {
  return vibrant ? Target{l_min, l, l_max, 0.35, 1, 1} : Target{l_min, l, l_max, 0, 0.3, 0.4};
}
constexpr std::array<Target, 6> kTargets = {
    target_of(0.3, 0.5, 0.7, true),  target_of(0.55, 0.74, 1, true),
    target_of(0, 0.26, 0.45, true),  target_of(0.3, 0.5, 0.7, false),
    target_of(0.55, 0.74, 1, false), target_of(0, 0.26, 0.45, false)};

struct Candidate {
  Rgba color;
  Hsl hsl;
  double share = 0;  // of the most frequent one's count
  bool used = false;
};

std::vector<Candidate> candidates_of(const Pixels& pixels) {
  constexpr int kColors = 64, kAlphaMin = 125;
  constexpr double kDark = 0.05, kLight = 0.95;  // as good as black and white
  std::vector<std::uint8_t> solid;
  solid.reserve(pixels.rgba.size());
  for (std::size_t i = 0; i < pixels.count(); ++i) {
    const std::uint8_t* p = pixels.at(i);
    if (p[3] >= kAlphaMin) solid.insert(solid.end(), {p[0], p[1], p[2], 255});
  }
  const Pixels view{solid, static_cast<int>(solid.size() / 4), 1};
  std::vector<Candidate> out;
  std::size_t most = 0;
  for (const Counted& one : quantise(view, kColors)) {
    const Hsl hsl = to_hsl(one.color);
    if (hsl.l <= kDark || hsl.l >= kLight) continue;
    most = std::max(most, one.count);
    out.push_back({one.color, hsl, static_cast<double>(one.count)});
  }
  for (Candidate& one : out) one.share /= static_cast<double>(most);
  return out;
}

std::optional<Rgba> best_for(const Target& target, std::vector<Candidate>& all) noexcept {
  constexpr double kSaturation = 3, kLightness = 6, kShare = 1;
  Candidate* best = nullptr;
  double best_score = 0;
  for (Candidate& one : all) {
    const Hsl& c = one.hsl;
    const bool fits = !one.used && c.l >= target.l_min && c.l <= target.l_max &&
                      c.s >= target.s_min && c.s <= target.s_max;
    const double score = kSaturation * (1 - std::abs(c.s - target.s)) +
                         kLightness * (1 - std::abs(c.l - target.l)) + kShare * one.share;
    if (!fits || (best != nullptr && score <= best_score)) continue;
    best = &one;
    best_score = score;
  }
  if (best == nullptr) return std::nullopt;
  best->used = true;
  return best->color;
}

}  // namespace

Rgba average(const Pixels& pixels, bool ignore_transparent) {
  std::array<std::uint64_t, 4> sums{};
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < pixels.count(); ++i) {
    const std::uint8_t* p = pixels.at(i);
    if (ignore_transparent && p[3] == 0) continue;
    for (std::size_t band = 0; band < 4; ++band) sums[band] += p[band];
    ++count;
  }
  if (count == 0) return {};
  const auto mean = [&](std::size_t band) {
    return static_cast<std::uint8_t>((sums[band] * 2 + count) / (count * 2));
  };
  return {mean(0), mean(1), mean(2), mean(3)};
}

bool any_transparent(const Pixels& pixels) noexcept {
  for (std::size_t i = 0; i < pixels.count(); ++i) {
    if (pixels.at(i)[3] < 255) return true;
  }
  return false;
}

void build_missed_colors(DominantColors* colors) {
  constexpr double kFull = 0.35, kSoft = 0.3;
  const auto at = [&](Dominant which) -> std::optional<Rgba>& {
    return (*colors)[static_cast<std::size_t>(which)];
  };
  const auto build = [&](Dominant missed, Dominant from, double saturation) {
    if (at(missed) || !at(from)) return;
    const double l = kTargets[static_cast<std::size_t>(missed)].l;
    at(missed) = to_rgb({to_hsl(*at(from)).h, saturation, l});
  };
  using enum Dominant;
  build(kLightVibrant, kLightMuted, kFull);
  build(kDarkVibrant, kDarkMuted, kFull);
  for (const Dominant from : {kLightVibrant, kDarkVibrant, kMuted}) build(kVibrant, from, kFull);
  // What has no muted one beside it is made from the vibrant one, so that none is missing.
  build(kLightVibrant, kVibrant, kFull);
  build(kDarkVibrant, kVibrant, kFull);
  build(kMuted, kVibrant, kSoft);
  build(kLightMuted, kLightVibrant, kSoft);
  build(kDarkMuted, kDarkVibrant, kSoft);
}

DominantColors dominant_colors(const Pixels& pixels, bool build_missed) {
  std::vector<Candidate> all = candidates_of(pixels);
  DominantColors out;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = best_for(kTargets[i], all);
  if (build_missed) build_missed_colors(&out);
  return out;
}

}  // namespace imgring::info
