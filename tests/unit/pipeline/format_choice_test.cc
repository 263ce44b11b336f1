// Skip test, result format, limits and quality.
#include <gtest/gtest.h>

#include "plan_helpers.h"

namespace imgring::pipeline {
namespace {

using enum ImageType;
using testing::facts;
using url::RequestOptions;

struct Fixture {
  RequestOptions o;
  config::ProcessingConfig c;
  SourceFacts f = facts(kJpeg, 100, 50);
  ImageType chosen() { return choose_format(f, o, c).value_or(kUnknown); }
};

TEST(FormatChoice, UnsetFormatFollowsSourceWhenPreferred) {
  Fixture t;
  EXPECT_EQ(t.chosen(), kJpeg);
  t.o.first().padding.top = 10;
  EXPECT_EQ(t.chosen(), kJpeg);  // a preferred source format is not checked further
  t.f.type = kAvif;
  EXPECT_EQ(t.chosen(), kPng);
  t.o.first().padding.top = 0;
  EXPECT_EQ(t.chosen(), kJpeg);
  t.f.alpha = true;
  EXPECT_EQ(t.chosen(), kPng);
  t.o.first().background = url::Color{};
  EXPECT_EQ(t.chosen(), kJpeg);
}

TEST(FormatChoice, AnimationGoesToGif) {
  Fixture t;
  t.f.type = kWebp;
  t.f.animated = true;
  t.o.max_animation_frames = 100;
  EXPECT_EQ(t.chosen(), kGif);
  t.f.type = kGif;
  t.o.prefer_jxl = t.o.prefer_avif = t.o.prefer_webp = true;
  EXPECT_EQ(t.chosen(), kWebp);
  t.o.prefer_webp = false;
  EXPECT_EQ(t.chosen(), kGif);
  t.o.max_animation_frames = 1;
  EXPECT_EQ(t.chosen(), kJxl);
}

TEST(FormatChoice, SetFormatYieldsToEnforcedOnes) {
  Fixture t;
  t.o.format = kPng;
  EXPECT_EQ(t.chosen(), kPng);
  t.o.enforce_webp = true;
  EXPECT_EQ(t.chosen(), kWebp);
  t.o.enforce_avif = true;
  EXPECT_EQ(t.chosen(), kAvif);
  t.o.enforce_jxl = true;
  EXPECT_EQ(t.chosen(), kJxl);
  t.o.format = kSvg;
  EXPECT_FALSE(choose_format(t.f, t.o, t.c).has_value());
}

TEST(FormatChoice, SkippingLooksAtListsAndSvgRules) {
  Fixture t;
  EXPECT_FALSE(skips_processing(kJpeg, t.o, t.c));
  t.o.skip_processing.add(kJpeg);
  EXPECT_TRUE(skips_processing(kJpeg, t.o, t.c));
  t.o.format = kPng;
  EXPECT_FALSE(skips_processing(kJpeg, t.o, t.c));
  t.o.format = kJpeg;
  EXPECT_TRUE(skips_processing(kJpeg, t.o, t.c));
  EXPECT_FALSE(skips_processing(kSvg, t.o, t.c));
  t.o.format = kSvg;
  EXPECT_TRUE(skips_processing(kSvg, t.o, t.c));
  t.o.format = kUnknown;
  EXPECT_TRUE(skips_processing(kSvg, t.o, t.c));
  t.c.always_rasterize_svg = true;
  EXPECT_FALSE(skips_processing(kSvg, t.o, t.c));
  t.o.skip_processing.add(kSvg);
  EXPECT_TRUE(skips_processing(kSvg, t.o, t.c));
}

TEST(FormatChoice, ResolutionLimits) {
  RequestOptions o;
  o.max_src_resolution = 5000;
  EXPECT_TRUE(check_resolution(facts(kJpeg, 100, 50), 1, o).has_value());
  EXPECT_FALSE(check_resolution(facts(kJpeg, 101, 50), 1, o).has_value());
  // Both numbers and the variable.
  EXPECT_EQ(check_resolution(facts(kJpeg, 10000, 7000), 1, o).error().detail,
            "source image resolution is too big: 70 MP, the limit is 0.01 MP "
            "(IMGPROXY_MAX_SRC_RESOLUTION)");
  EXPECT_FALSE(check_resolution(facts(kGif, 100, 50), 2, o).has_value());
  o.max_animation_frame_resolution = 5000;
  EXPECT_TRUE(check_resolution(facts(kGif, 100, 50), 2, o).has_value());
  EXPECT_FALSE(check_resolution(facts(kGif, 100, 51), 2, o).has_value());
  EXPECT_TRUE(check_resolution(facts(kSvg, 30000, 30000), 1, o).has_value());
  EXPECT_FALSE(check_resolution(facts(kPng, 2000000000, 2000000000), 1, o).has_value());
}

TEST(FormatChoice, QualityComesFromTheNearestSetting) {
  RequestOptions o;
  config::ProcessingConfig c;
  c.format_quality[static_cast<std::size_t>(kWebp)] = 79;
  EXPECT_EQ(quality_for(kJpeg, o, c), 80);
  EXPECT_EQ(quality_for(kWebp, o, c), 79);
  o.format_quality[static_cast<std::size_t>(kWebp)] = 50;
  EXPECT_EQ(quality_for(kWebp, o, c), 50);
  o.quality = 30;
  EXPECT_EQ(quality_for(kWebp, o, c), 30);
}

}  // namespace
}  // namespace imgring::pipeline
