// Constants are those of libvips: D65, its matrices, lightness in 15 bits, the mask in whole
// numbers, the curve of the defaults x1 = 2, y2 = 10, y3 = 20, m1 = 0, m2 = 3.
#include "imgring/codec/sharpen.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace imgring::codec {
namespace {

constexpr float kUnits = 327.67F;  // of lightness, 0 to 100
constexpr int kLightnessMax = 32767;
constexpr float kFlat = 2, kBrighterMax = 10, kDarkerMax = 20, kSteepness = 3;

constexpr std::array<std::array<float, 3>, 3> kToXyz = {
    {{0.4124F / 0.950470F, 0.3576F / 0.950470F, 0.1805F / 0.950470F},
     {0.2126F, 0.7152F, 0.0722F},
     {0.0193F / 1.088827F, 0.1192F / 1.088827F, 0.9505F / 1.088827F}}};
constexpr std::array<std::array<float, 3>, 3> kFromXyz = {
    {{3.2406F * 0.950470F, -1.5372F, -0.4986F * 1.088827F},
     {-0.9689F * 0.950470F, 1.8758F, 0.0415F * 1.088827F},
     {0.0557F * 0.950470F, -0.2040F, 1.0570F * 1.088827F}}};

constexpr std::size_t kRootSteps = 4096;       // interpolated: a sixth of a unit of lightness
constexpr std::size_t kEncodeSteps = 1 << 14;  // nearest: a tenth of a level
constexpr float kDelta = 6.0F / 29;

struct Tables {
  std::array<float, 256> linear;
  std::array<float, kRootSteps + 3> root;  // CIELAB's f
  std::array<std::uint8_t, kEncodeSteps + 1> encoded;
};

Tables make_tables() noexcept {
  Tables t;
  for (std::size_t i = 0; i < t.linear.size(); ++i) {
    const double v = static_cast<double>(i) / 255;
    t.linear[i] = static_cast<float>(v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4));
  }
  for (std::size_t i = 0; i < t.root.size(); ++i) {
    const double v = static_cast<double>(i) / kRootSteps;
    t.root[i] = static_cast<float>(v < 0.008856 ? 7.787 * v + 16.0 / 116 : std::cbrt(v));
  }
  for (std::size_t i = 0; i < t.encoded.size(); ++i) {
    const double v = static_cast<double>(i) / kEncodeSteps;
    const double coded = v <= 0.0031308 ? v * 12.92 : 1.055 * std::pow(v, 1 / 2.4) - 0.055;
    t.encoded[i] = static_cast<std::uint8_t>(std::lround(coded * 255));
  }
  return t;
}
const Tables& tables() noexcept {
  static const Tables kTables = make_tables();
  return kTables;
}

float root_of(const Tables& t, float v) noexcept {
  const float at = v * static_cast<float>(kRootSteps);
  const auto below = static_cast<std::size_t>(at);
  return t.root[below] + (t.root[below + 1] - t.root[below]) * (at - static_cast<float>(below));
}

float cube_of(float root) noexcept {
  return root > kDelta ? root * root * root : (root - 16.0F / 116) / 7.787F;
}

float dot(const std::array<float, 3>& a, const std::array<float, 3>& b) noexcept {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

// What is added to a lightness that is so far above its blurred copy.
int added(int difference) noexcept {
  const float v = static_cast<float>(difference) / kUnits;
  float y = 0;
  if (v < -kFlat) y = (v + kFlat) * kSteepness;
  if (v > kFlat) y = (v - kFlat) * kSteepness;
  return static_cast<int>(std::lrint(std::clamp(y, -kDarkerMax, kBrighterMax) * kUnits));
}

void put_lighter(const Tables& t, const std::uint8_t* rgb, float more, std::uint8_t* out) noexcept {
  const std::array<float, 3> linear = {t.linear[rgb[0]], t.linear[rgb[1]], t.linear[rgb[2]]};
  std::array<float, 3> xyz;
  for (std::size_t i = 0; i < xyz.size(); ++i)
    xyz[i] = cube_of(root_of(t, dot(kToXyz[i], linear)) + more);
  for (std::size_t i = 0; i < xyz.size(); ++i) {
    const float v = std::clamp(dot(kFromXyz[i], xyz), 0.0F, 1.0F);
    out[i] = t.encoded[static_cast<std::size_t>(v * float{kEncodeSteps} + 0.5F)];
  }
}

}  // namespace

Sharpener::Sharpener(double sigma) {
  constexpr double kLeast = 0.1;
  mask_ = gauss_mask(sigma, kLeast);
}

void Sharpener::lightness(const std::uint8_t* rgb, std::size_t count,
                          std::int16_t* out) const noexcept {
  const Tables& t = tables();
  const auto sides = static_cast<std::size_t>(radius());
  std::int16_t* first = out + sides;
  for (std::size_t i = 0; i < count; ++i, rgb += 3) {
    const std::array<float, 3> linear = {t.linear[rgb[0]], t.linear[rgb[1]], t.linear[rgb[2]]};
    const float l = 116 * root_of(t, dot(kToXyz[1], linear)) - 16;
    first[i] =
        static_cast<std::int16_t>(std::clamp(static_cast<int>(l * kUnits), 0, kLightnessMax));
  }
  std::fill_n(out, sides, first[0]);
  std::fill_n(first + count, sides, first[count - 1]);
}

// Whole numbers below 2^24 all the way, which floats hold exactly.
void Sharpener::blur_across(const std::int16_t* lightness, std::size_t count, float* sums,
                            std::int16_t* out) const noexcept {
  const std::int16_t* middle = lightness + radius();
  for (std::size_t x = 0; x < count; ++x) sums[x] = mask_.weights[0] * middle[x];
  for (std::size_t k = 1; k < mask_.weights.size(); ++k) {
    const float weight = mask_.weights[k];
    const std::int16_t *left = middle - k, *right = middle + k;
    for (std::size_t x = 0; x < count; ++x)
      sums[x] += weight * static_cast<float>(left[x] + right[x]);
  }
  for (std::size_t x = 0; x < count; ++x)
    out[x] = static_cast<std::int16_t>(sums[x] / mask_.sum + 0.5F);
}

void Sharpener::sharpen(const Row& row, float* sums, std::uint8_t* out) const noexcept {
  const std::int16_t* const* middle = row.blurred + radius();
  for (std::size_t x = 0; x < row.count; ++x) sums[x] = mask_.weights[0] * middle[0][x];
  for (std::ptrdiff_t k = 1; k <= radius(); ++k) {
    const float weight = mask_.weights[static_cast<std::size_t>(k)];
    const std::int16_t *above = middle[-k], *below = middle[k];
    for (std::size_t x = 0; x < row.count; ++x)
      sums[x] += weight * static_cast<float>(above[x] + below[x]);
  }
  for (std::size_t x = 0; x < row.count; ++x)
    sums[x] = static_cast<float>(row.lightness[x]) - std::floor(sums[x] / mask_.sum + 0.5F);
  std::memcpy(out, row.rgb, row.count * 3);
  const Tables& t = tables();
  for (std::size_t x = 0; x < row.count; ++x) {
    if (std::abs(sums[x]) <= kFlat * kUnits) continue;
    const int before = row.lightness[x];
    const int after = std::clamp(before + added(static_cast<int>(sums[x])), 0, kLightnessMax);
    const float more = static_cast<float>(after - before) / (116 * kUnits);
    put_lighter(t, row.rgb + x * 3, more, out + x * 3);
  }
}

}  // namespace imgring::codec
