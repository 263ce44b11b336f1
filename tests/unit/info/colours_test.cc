// Tests of src/info/colours.cc and quantise.cc.
#include "imgring/info/colours.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ostream>

#include "pictures.h"

namespace imgring::info {

static void PrintTo(const Rgba& c, std::ostream* out) {
  *out << int{c.r} << ',' << int{c.g} << ',' << int{c.b} << ',' << int{c.a};
}

namespace {

using testing::made;
using testing::Made;
using testing::view;

// Patches of so many pixels each, in a row.
struct Patch {
  Rgba color;
  int count;
};
std::vector<std::uint8_t> patches(const std::vector<Patch>& all) {
  std::vector<std::uint8_t> out;
  for (const Patch& one : all) {
    for (int i = 0; i < one.count; ++i) {
      out.insert(out.end(), {one.color.r, one.color.g, one.color.b, one.color.a});
    }
  }
  return out;
}
Pixels row(const std::vector<std::uint8_t>& rgba) {
  return {rgba, static_cast<int>(rgba.size() / 4), 1};
}

TEST(Average, IsTheRoundedMeanOfWhatCounts) {
  const auto rgba = patches({{{10, 20, 30, 255}, 1}, {{11, 21, 30, 254}, 1}, {{200, 0, 0, 0}, 2}});
  EXPECT_EQ(average(row(rgba), true), (Rgba{11, 21, 30, 255}));
  EXPECT_EQ(average(row(rgba), false), (Rgba{105, 10, 15, 127}));
  const auto clear = patches({{{200, 0, 0, 0}, 2}});
  EXPECT_EQ(average(row(clear), true), Rgba());
  EXPECT_EQ(average({}, false), Rgba());
}

TEST(Quantise, FewColoursAreExactAndByCount) {
  const auto rgba = patches({{{1, 2, 3, 255}, 2},
                             {{9, 9, 9, 255}, 5},
                             {{7, 7, 7, 0}, 1},
                             {{8, 8, 8, 0}, 2},
                             {{1, 2, 3, 200}, 1}});
  const auto found = quantise(row(rgba), 4);
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[0].color, (Rgba{9, 9, 9, 255}));
  EXPECT_EQ(found[1].color, Rgba());  // both clear ones
  EXPECT_EQ(found[1].count, 3u);
  EXPECT_EQ(found[2].color, (Rgba{1, 2, 3, 255}));
  EXPECT_EQ(found[3].color, (Rgba{1, 2, 3, 200}));
  EXPECT_TRUE(quantise({}, 2).empty());
}

// Patches with noise: their means are found.
TEST(Quantise, FindsClusters) {
  std::vector<Patch> all;
  const Rgba centres[] = {{200, 30, 40, 255}, {20, 180, 60, 255}, {40, 50, 190, 255}};
  for (int i = 0; i < 300; ++i) {
    const Rgba& c = centres[i % 3 == 2 ? 2 : i % 2];
    const auto near = [&](std::uint8_t v, int salt) {
      return static_cast<std::uint8_t>(v + (i * 7 + salt * 13) % 11 - 5);
    };
    all.push_back({{near(c.r, 1), near(c.g, 2), near(c.b, 3), 255}, 1});
  }
  const auto found = quantise(row(patches(all)), 3);
  ASSERT_EQ(found.size(), 3u);
  for (const Rgba& c : centres) {
    const bool near = std::ranges::any_of(found, [&](const Counted& one) {
      return std::abs(one.color.r - c.r) <= 2 && std::abs(one.color.g - c.g) <= 2 &&
             std::abs(one.color.b - c.b) <= 2;
    });
    EXPECT_TRUE(near) << int{c.r};
  }
}

// The error against a picture of noise falls with the colours, and no pixel is lost.
TEST(Quantise, MoreColoursAreNearer) {
  const Made picture{256, 256, 3, true};
  const auto rgba = made(picture);
  double before = 1e18;
  for (const int colors : {2, 16, 256}) {
    const auto found = quantise(view(rgba, picture), colors);
    EXPECT_EQ(found.size(), static_cast<std::size_t>(colors));
    std::size_t pixels = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      pixels += found[i].count;
      EXPECT_LE(found[i].count, found[i > 0 ? i - 1 : 0].count);
    }
    EXPECT_EQ(pixels, 65536u);
    double error = 0;
    for (std::size_t i = 0; i < 65536; i += 97) {
      const std::uint8_t* p = rgba.data() + i * 4;
      double least = 1e18;
      for (const Counted& one : found) {
        const double r = one.color.r - p[0], g = one.color.g - p[1], b = one.color.b - p[2],
                     a = one.color.a - p[3];
        least = std::min(least, p[3] == 0 ? a * a : r * r + g * g + b * b + a * a);
      }
      error += least;
    }
    EXPECT_LT(error, before / 2);
    before = error;
  }
}

TEST(Dominant, PicksByLightnessAndSaturation) {
  const Rgba vibrant{220, 30, 30, 255}, dark{90, 10, 10, 255}, light{240, 150, 150, 255},
      muted{150, 120, 110, 255};
  const auto rgba = patches({{vibrant, 50},
                             {dark, 40},
                             {light, 30},
                             {muted, 20},
                             {{255, 255, 255, 255}, 500},
                             {{0, 0, 0, 255}, 500},
                             {{0, 200, 0, 100}, 400}});
  const DominantColors found = dominant_colors(row(rgba), false);
  EXPECT_EQ(found[0], vibrant);
  EXPECT_EQ(found[1], light);
  EXPECT_EQ(found[2], dark);
  EXPECT_EQ(found[3], muted);
  EXPECT_FALSE(found[4].has_value());
  EXPECT_FALSE(found[5].has_value());
}

// The colours of imgproxy's documentation: three of them have the saturation and the lightnesses
// of what is built, and the hues of their muted ones.
TEST(Dominant, BuildsTheVibrantOnesFromMutedOnes) {
  DominantColors colors;
  colors[3] = Rgba{155, 146, 120, 255};
  colors[4] = Rgba{167, 156, 130, 255};
  colors[5] = Rgba{75, 70, 57, 255};
  build_missed_colors(&colors);
  const Rgba expected[] = {{172, 146, 83, 255}, {212, 198, 165, 255}, {90, 78, 43, 255}};
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(colors[i].has_value());
    EXPECT_NEAR(colors[i]->r, expected[i].r, 1);
    EXPECT_NEAR(colors[i]->g, expected[i].g, 2);  // the hue is another source's
    EXPECT_NEAR(colors[i]->b, expected[i].b, 1);
  }
}

TEST(Dominant, OneColourBuildsAll) {
  const auto rgba = patches({{{220, 30, 30, 255}, 3}});
  for (const auto& color : dominant_colors(row(rgba), true)) EXPECT_TRUE(color.has_value());
  const auto none = patches({{{255, 255, 255, 255}, 3}});
  for (const auto& color : dominant_colors(row(none), true)) EXPECT_FALSE(color.has_value());
}

}  // namespace
}  // namespace imgring::info
