// Sharpening by rows beside libvips'.
#include "imgring/codec/sharpen.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "test_images.h"

namespace imgring::image {
namespace {

using codec::Sharpener;
using namespace test;

// A whole picture by rows.
std::vector<std::uint8_t> sharpened(const std::vector<std::uint8_t>& in, std::size_t width,
                                    double sigma) {
  const Sharpener sharpener(sigma);
  const auto radius = static_cast<std::size_t>(sharpener.radius());
  const std::size_t height = in.size() / 3 / width;
  std::vector<std::vector<std::int16_t>> lightness, blurred;
  std::vector<float> sums(width);
  for (std::size_t y = 0; y < height; ++y) {
    sharpener.lightness(&in[y * width * 3], width,
                        lightness.emplace_back(width + 2 * radius).data());
    sharpener.blur_across(lightness[y].data(), width, sums.data(),
                          blurred.emplace_back(width).data());
  }
  std::vector<std::uint8_t> out(in.size());
  for (std::size_t y = 0; y < height; ++y) {
    std::vector<const std::int16_t*> around;
    for (std::size_t k = 0; k <= 2 * radius; ++k) {
      const std::size_t at = y + k < radius ? 0 : std::min(y + k - radius, height - 1);
      around.push_back(blurred[at].data());
    }
    sharpener.sharpen({&in[y * width * 3], &lightness[y][radius], around.data(), width},
                      sums.data(), &out[y * width * 3]);
  }
  return out;
}

TEST(Sharpener, DoesWhatLibvipsDoes) {
  const VipsImagePtr source = picture(211, 97, 3);
  const std::vector<std::uint8_t> pixels = pixels_of(source.get());
  for (const double sigma : {0.3, 0.5, 1.0, 2.5, 7.0}) {
    VipsImage* made = nullptr;
    ASSERT_EQ(vips_sharpen(source.get(), &made, "sigma", sigma, nullptr), 0);
    const std::vector<std::uint8_t> theirs = pixels_of(VipsImagePtr(made).get());
    const std::vector<std::uint8_t> ours = sharpened(pixels, 211, sigma);
    ASSERT_EQ(ours.size(), theirs.size());
    int most = 0;
    std::size_t changed = 0;
    double squares = 0;
    for (std::size_t i = 0; i < ours.size(); ++i) {
      const int difference = std::abs(ours[i] - theirs[i]);
      most = std::max(most, difference);
      squares += difference * difference;
      changed += ours[i] != pixels[i] ? 1 : 0;
    }
    EXPECT_LE(most, 4) << sigma;
    EXPECT_LE(std::sqrt(squares / static_cast<double>(ours.size())), 0.7) << sigma;
    // The mask of the smallest sigma is a single pixel.
    const std::size_t least = sigma < 0.5 ? 0 : ours.size() / 50;
    EXPECT_GE(changed, least) << sigma;
  }
}

TEST(Sharpener, LeavesFlatPixelsAsTheyAre) {
  std::vector<std::uint8_t> pixels;
  for (int i = 0; i < 64 * 64; ++i) {
    for (const int v : {i % 7, 100, 255}) pixels.push_back(static_cast<std::uint8_t>(v));
  }
  EXPECT_EQ(sharpened(pixels, 64, 0.5), pixels);
}

TEST(Sharpener, HasTheMaskOfItsSigma) {
  EXPECT_EQ(Sharpener(0.1).radius(), 0);
  EXPECT_EQ(Sharpener(0.5).radius(), 1);
  EXPECT_EQ(Sharpener(1).radius(), 2);
  EXPECT_EQ(Sharpener(codec::kSharpenRowsSigmaMax).radius(), 15);
}

}  // namespace
}  // namespace imgring::image
