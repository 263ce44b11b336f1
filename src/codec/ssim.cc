// The window's sums row by row: each row is filtered across once, and eleven of them down.
#include "imgring/codec/ssim.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "imgring/base/check.h"

namespace imgring::codec {
namespace {

constexpr int kRadiusMax = 5;
constexpr double kSigma = 1.5;
constexpr float kMidGrey = 128;
// (K L)^2 of Wang's paper.
constexpr double kC1 = 0.01 * 255 * 0.01 * 255, kC2 = 0.03 * 255 * 0.03 * 255;

float light_of(const std::uint8_t* p, int bands) noexcept {
  const float light = bands < 3
                          ? static_cast<float>(p[0])
                          : 0.299F * static_cast<float>(p[0]) + 0.587F * static_cast<float>(p[1]) +
                                0.114F * static_cast<float>(p[2]);
  if (bands % 2 != 0) return light;
  const float alpha = static_cast<float>(p[bands - 1]) / 255;
  return kMidGrey + (light - kMidGrey) * alpha;
}

using Kernel = std::vector<float>;
Kernel kernel_of(int radius) {
  Kernel kernel;
  double sum = 0;
  for (int i = -radius; i <= radius; ++i) sum += std::exp(-i * i / (2 * kSigma * kSigma));
  for (int i = -radius; i <= radius; ++i) {
    kernel.push_back(static_cast<float>(std::exp(-i * i / (2 * kSigma * kSigma)) / sum));
  }
  return kernel;
}

// Means of a, b, aa, bb and ab in the window of each place of a row.
constexpr int kMaps = 5;
using MapRow = std::array<std::vector<float>, kMaps>;

class SsimWindow {
 public:
  SsimWindow(int width, const Kernel& kernel)
      : kernel_(kernel), count_(static_cast<std::size_t>(width) - kernel.size() + 1) {
    for (auto& product : products_) product.resize(static_cast<std::size_t>(width));
    for (auto& mean : means_) mean.resize(count_);
    ring_.resize(kernel.size());
    for (MapRow& row : ring_) {
      for (auto& map : row) map.resize(count_);
    }
  }

  void add(const float* a, const float* b) noexcept {
    for (std::size_t x = 0; x < products_[0].size(); ++x) {
      products_[0][x] = a[x];
      products_[1][x] = b[x];
      products_[2][x] = a[x] * a[x];
      products_[3][x] = b[x] * b[x];
      products_[4][x] = a[x] * b[x];
    }
    MapRow& row = ring_[static_cast<std::size_t>(rows_) % ring_.size()];
    for (int map = 0; map < kMaps; ++map) across(products_[map], &row[map]);
    ++rows_;
  }

  bool full() const noexcept { return rows_ >= static_cast<int>(ring_.size()); }

  // Of the rows that are in it.
  double sum() noexcept {
    for (int map = 0; map < kMaps; ++map) down(map);
    double sum = 0;
    for (std::size_t x = 0; x < count_; ++x) {
      const double a = means_[0][x], b = means_[1][x];
      const double aa = means_[2][x] - a * a, bb = means_[3][x] - b * b, ab = means_[4][x] - a * b;
      sum += (2 * a * b + kC1) * (2 * ab + kC2) / ((a * a + b * b + kC1) * (aa + bb + kC2));
    }
    return sum;
  }
  std::size_t places() const noexcept { return count_; }

 private:
  void across(const std::vector<float>& from, std::vector<float>* to) const noexcept {
    std::ranges::fill(*to, 0.0F);
    for (std::size_t k = 0; k < kernel_.size(); ++k) {
      const float weight = kernel_[k];
      for (std::size_t x = 0; x < count_; ++x) (*to)[x] += weight * from[x + k];
    }
  }
  void down(int map) noexcept {
    std::ranges::fill(means_[map], 0.0F);
    for (std::size_t k = 0; k < kernel_.size(); ++k) {
      const std::size_t index = (static_cast<std::size_t>(rows_) + k) % ring_.size();
      const std::vector<float>& row = ring_[index][map];
      const float weight = kernel_[k];
      for (std::size_t x = 0; x < count_; ++x) means_[map][x] += weight * row[x];
    }
  }

  const Kernel& kernel_;
  std::size_t count_;
  MapRow products_, means_;
  std::vector<MapRow> ring_;
  int rows_ = 0;
};

}  // namespace

int shrink_for_ssim(int width, int height) noexcept {
  constexpr double kShorterSide = 256;
  return std::max(1, static_cast<int>(std::lround(std::min(width, height) / kShorterSide)));
}

LumaMaker::LumaMaker(const Shape& shape) : shape_(shape) {
  luma_.width = shape.width / shape.shrink;
  luma_.height = shape.height / shape.shrink;
  IMGRING_CHECK(luma_.width > 0);
  IMGRING_CHECK(luma_.height > 0);
  sums_.resize(static_cast<std::size_t>(luma_.width));
  luma_.values.resize(sums_.size() * static_cast<std::size_t>(luma_.height));
}

void LumaMaker::add_row(const std::uint8_t* row) {
  if (out_ == luma_.height) return;
  for (float& sum : sums_) {
    for (int i = 0; i < shape_.shrink; ++i, row += shape_.bands) {
      sum += light_of(row, shape_.bands);
    }
  }
  if (++rows_ < shape_.shrink) return;
  const auto count = static_cast<float>(shape_.shrink * shape_.shrink);
  float* to = luma_.values.data() + static_cast<std::size_t>(out_) * sums_.size();
  for (std::size_t x = 0; x < sums_.size(); ++x) to[x] = sums_[x] / count;
  std::ranges::fill(sums_, 0.0F);
  rows_ = 0;
  ++out_;
}

double ssim(const Luma& a, const Luma& b) {
  IMGRING_CHECK(a.width == b.width);
  IMGRING_CHECK(a.height == b.height);
  const int radius = std::min(kRadiusMax, (std::min(a.width, a.height) - 1) / 2);
  const Kernel kernel = kernel_of(radius);
  SsimWindow window(a.width, kernel);
  double sum = 0;
  std::size_t places = 0;
  for (int y = 0; y < a.height; ++y) {
    const std::size_t offset = static_cast<std::size_t>(y) * static_cast<std::size_t>(a.width);
    window.add(a.values.data() + offset, b.values.data() + offset);
    if (!window.full()) continue;
    sum += window.sum();
    places += window.places();
  }
  return sum / static_cast<double>(places);
}

}  // namespace imgring::codec
