// Sums are whole numbers below 2^24, which floats hold exactly.
#include "imgring/codec/blur.h"

#include <algorithm>
#include <cmath>

namespace imgring::codec {
namespace {

void narrow(const float* sums, float sum_of_weights, std::size_t count,
            std::uint8_t* out) noexcept {
  const float factor = 1 / sum_of_weights;
  for (std::size_t i = 0; i < count; ++i)
    out[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(sums[i] * factor + 0.5F));
}

void add_pair(const std::uint8_t* one, const std::uint8_t* other, float weight, std::size_t count,
              float* sums) noexcept {
  for (std::size_t i = 0; i < count; ++i) sums[i] += weight * static_cast<float>(one[i] + other[i]);
}

}  // namespace

GaussMask gauss_mask(double sigma, double least) {
  constexpr double kWhole = 20;
  const double twice = 2 * sigma * sigma;
  const int end = static_cast<int>(std::clamp(8 * sigma, 1.0, 5000.0));
  GaussMask mask;
  for (int x = 0; x < end; ++x) {
    const double v = x == 0 ? 1 : std::exp(-x * x / twice);  // a sigma's square may be 0
    if (v < least) break;
    mask.weights.push_back(static_cast<float>(std::rint(kWhole * v)));
    mask.sum += mask.weights.back() * (x == 0 ? 1.0F : 2.0F);
  }
  return mask;
}

Blurrer::Blurrer(double sigma) {
  constexpr double kLeast = 0.2;
  mask_ = gauss_mask(sigma, kLeast);
}

void Blurrer::across(const Row& size, const std::uint8_t* row, float* sums,
                     std::uint8_t* out) const noexcept {
  const std::size_t count = size.pixel_count * size.bands;
  const std::uint8_t* middle = row + static_cast<std::size_t>(radius()) * size.bands;
  for (std::size_t i = 0; i < count; ++i) sums[i] = mask_.weights[0] * middle[i];
  for (std::size_t k = 1; k < mask_.weights.size(); ++k)
    add_pair(middle - k * size.bands, middle + k * size.bands, mask_.weights[k], count, sums);
  narrow(sums, mask_.sum, count, out);
}

void Blurrer::down(const Row& size, const std::uint8_t* const* rows, float* sums,
                   std::uint8_t* out) const noexcept {
  const std::size_t count = size.pixel_count * size.bands;
  const auto middle = static_cast<std::size_t>(radius());
  for (std::size_t i = 0; i < count; ++i) sums[i] = mask_.weights[0] * rows[middle][i];
  for (std::size_t k = 1; k < mask_.weights.size(); ++k)
    add_pair(rows[middle - k], rows[middle + k], mask_.weights[k], count, sums);
  narrow(sums, mask_.sum, count, out);
}

}  // namespace imgring::codec
