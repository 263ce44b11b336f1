// Blurring by rows beside libvips'.
#include "imgring/codec/blur.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "test_images.h"

namespace imgring::image {
namespace {

using codec::Blurrer;
using namespace test;

std::vector<std::uint8_t> blurred(const std::vector<std::uint8_t>& in, std::size_t width,
                                  std::size_t bands, double sigma) {
  const Blurrer blurrer(sigma);
  const auto radius = static_cast<std::size_t>(blurrer.radius());
  const std::size_t row_bytes = width * bands, height = in.size() / row_bytes;
  std::vector<float> sums(row_bytes);
  std::vector<std::vector<std::uint8_t>> rows;
  for (std::size_t y = 0; y < height; ++y) {
    std::vector<std::uint8_t> wide((width + 2 * radius) * bands);
    for (std::size_t x = 0; x < width + 2 * radius; ++x) {
      const std::size_t at = std::min(x < radius ? 0 : x - radius, width - 1);
      for (std::size_t band = 0; band < bands; ++band)
        wide[x * bands + band] = in[y * row_bytes + at * bands + band];
    }
    blurrer.across({width, bands}, wide.data(), sums.data(), rows.emplace_back(row_bytes).data());
  }
  std::vector<std::uint8_t> out(in.size());
  for (std::size_t y = 0; y < height; ++y) {
    std::vector<const std::uint8_t*> around;
    for (std::size_t k = 0; k <= 2 * radius; ++k)
      around.push_back(rows[std::min(y + k < radius ? 0 : y + k - radius, height - 1)].data());
    blurrer.down({width, bands}, around.data(), sums.data(), &out[y * row_bytes]);
  }
  return out;
}

// By the mask in double precision, rounded nowhere.
std::vector<double> exactly_blurred(const std::vector<std::uint8_t>& in, int width, int bands,
                                    double sigma) {
  const codec::GaussMask mask = codec::gauss_mask(sigma, 0.2);
  const int height = static_cast<int>(in.size()) / bands / width;
  const auto pass = [&](const std::vector<double>& from, int step_x, int step_y) {
    std::vector<double> out(from.size());
    for (int i = 0; i < static_cast<int>(from.size()); ++i) {
      const int band = i % bands, x = i / bands % width, y = i / bands / width;
      for (int k = -mask.radius(); k <= mask.radius(); ++k) {
        const int from_x = std::clamp(x + k * step_x, 0, width - 1);
        const int from_y = std::clamp(y + k * step_y, 0, height - 1);
        const auto at = static_cast<std::size_t>((from_y * width + from_x) * bands + band);
        const double weight = mask.weights[static_cast<std::size_t>(std::abs(k))];
        out[static_cast<std::size_t>(i)] += weight * from[at] / mask.sum;
      }
    }
    return out;
  };
  return pass(pass(std::vector<double>(in.begin(), in.end()), 1, 0), 0, 1);
}

double mean_distance(const std::vector<std::uint8_t>& a, const std::vector<double>& b) {
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(squares / static_cast<double>(a.size()));
}

// libvips has masks in 8 bits: up to three levels from ours, which is the nearer to the exact one.
TEST(Blurrer, DoesWhatLibvipsDoes) {
  for (const int bands : {1, 3}) {
    const VipsImagePtr source = picture(211, 97, bands);
    const std::vector<std::uint8_t> pixels = pixels_of(source.get());
    for (const double sigma : {0.2, 0.5, 1.0, 3.0, 8.0, codec::kBlurRowsSigmaMax}) {
      VipsImage* made = nullptr;
      ASSERT_EQ(vips_gaussblur(source.get(), &made, sigma, nullptr), 0);
      const std::vector<std::uint8_t> theirs = pixels_of(VipsImagePtr(made).get());
      const auto ours = blurred(pixels, 211, static_cast<std::size_t>(bands), sigma);
      ASSERT_EQ(ours.size(), theirs.size());
      int most = 0;
      for (std::size_t i = 0; i < ours.size(); ++i)
        most = std::max(most, std::abs(ours[i] - theirs[i]));
      EXPECT_LE(most, 3) << sigma << " bands " << bands;
      const std::vector<double> exact = exactly_blurred(pixels, 211, bands, sigma);
      EXPECT_LE(mean_distance(ours, exact), 0.5) << sigma;
      EXPECT_LE(mean_distance(ours, exact), mean_distance(theirs, exact) + 0.01) << sigma;
    }
  }
}

TEST(Blurrer, HasTheMaskOfItsSigma) {
  EXPECT_EQ(Blurrer(0.2).radius(), 0);
  EXPECT_EQ(Blurrer(1).radius(), 1);
  EXPECT_EQ(Blurrer(8).radius(), 14);
  EXPECT_EQ(Blurrer(codec::kBlurRowsSigmaMax).radius(), 30);
}

}  // namespace
}  // namespace imgring::image
