// SSIM and light. The numbers are those of `ssim` in tests/golden/autoquality_test.py (numpy).
#include "imgring/codec/ssim.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace imgring::codec {
namespace {

// The same pictures as the model's: slopes with waves, and those with noise of a generator.
std::uint8_t base_at(int x, int y) noexcept {
  return static_cast<std::uint8_t>((x * 7 + y * 13 + (x * y) % 31 * 3) % 256);
}

Luma picture(int width, int height, int noise) {
  LumaMaker maker({width, height, 1, 1});
  std::uint32_t state = 1;
  std::vector<std::uint8_t> row(static_cast<std::size_t>(width));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      state = state * 1664525U + 1013904223U;
      const int off = noise == 0 ? 0 : static_cast<int>(state >> 16) % (2 * noise + 1) - noise;
      row[static_cast<std::size_t>(x)] =
          static_cast<std::uint8_t>(std::clamp(base_at(x, y) + off, 0, 255));
    }
    maker.add_row(row.data());
  }
  return maker.take();
}

TEST(Ssim, IsTheModels) {
  const struct {
    int width, height, noise;
    double ssim;
  } kCases[] = {{64, 48, 5, 0.997506},  {64, 48, 40, 0.893192}, {200, 13, 20, 0.967204},
                {11, 11, 60, 0.662486}, {7, 30, 25, 0.949809},  {300, 300, 90, 0.653319}};
  for (const auto& c : kCases) {
    SCOPED_TRACE(std::to_string(c.width) + "x" + std::to_string(c.height));
    EXPECT_NEAR(ssim(picture(c.width, c.height, 0), picture(c.width, c.height, c.noise)), c.ssim,
                1e-4);
  }
}

TEST(Ssim, OfEqualOnesIsOne) {
  for (const auto& [width, height] : {std::pair{1, 1}, {2, 300}, {11, 11}, {64, 48}}) {
    const Luma one = picture(width, height, 0);
    EXPECT_NEAR(ssim(one, one), 1, 1e-5);
    EXPECT_NEAR(dssim(one, one), 0, 1e-5);
  }
}

TEST(Ssim, OfOppositesIsNegative) {
  Luma a = picture(64, 64, 0), b = a;
  for (float& value : b.values) value = 255 - value;
  EXPECT_LT(ssim(a, b), 0);
  EXPECT_LE(dssim(a, b), 1);
}

TEST(Luma, IsTheLightOverMidGrey) {
  const std::uint8_t rgba[] = {255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255, 255, 255, 51};
  LumaMaker maker({4, 1, 4, 1});
  maker.add_row(rgba);
  const Luma light = maker.take();
  ASSERT_EQ(light.width, 4);
  EXPECT_NEAR(light.values[0], 76.245, 1e-3);
  EXPECT_NEAR(light.values[1], 149.685, 1e-3);
  EXPECT_NEAR(light.values[2], 29.07, 1e-3);
  EXPECT_NEAR(light.values[3], 128 + 127 * 0.2, 1e-3);
  const std::uint8_t grey_alpha[] = {10, 0, 200, 255};
  LumaMaker two({2, 1, 2, 1});
  two.add_row(grey_alpha);
  const Luma clear = two.take();
  EXPECT_EQ(clear.values[0], 128);
  EXPECT_EQ(clear.values[1], 200);
}

TEST(Luma, SquaresBecomeTheirMean) {
  LumaMaker maker({5, 5, 1, 2});
  for (int y = 0; y < 5; ++y) {
    const std::uint8_t row[] = {0, static_cast<std::uint8_t>(y), 100, 100, 255};
    maker.add_row(row);
  }
  const Luma light = maker.take();
  EXPECT_EQ(light.width, 2);
  EXPECT_EQ(light.height, 2);
  EXPECT_FLOAT_EQ(light.values[0], 0.25F);
  EXPECT_FLOAT_EQ(light.values[1], 100);
  EXPECT_FLOAT_EQ(light.values[2], 1.25F);
}

TEST(Luma, ShrinksToAShorterSideOf256) {
  EXPECT_EQ(shrink_for_ssim(100, 9000), 1);
  EXPECT_EQ(shrink_for_ssim(383, 383), 1);
  EXPECT_EQ(shrink_for_ssim(384, 1000), 2);
  EXPECT_EQ(shrink_for_ssim(4000, 2560), 10);
  EXPECT_EQ(shrink_for_ssim(1, 1), 1);
}

}  // namespace
}  // namespace imgring::codec
