// render() from end to end on generated pictures: sizes and a few pixels for each option.
#include "plan_helpers.h"
#include "render_helpers.h"

namespace imgring::pipeline {
namespace {

using namespace testing;
using enum ImageType;
using url::GravityType;

class VipsEnvironment : public ::testing::Environment {
 public:
  void SetUp() override { ASSERT_TRUE(image::init_vips("pipeline_test").has_value()); }
};
const auto* const kEnvironment = ::testing::AddGlobalTestEnvironment(new VipsEnvironment);

Request request_for(std::string_view path, ImageType type = kPng, Size size = {200, 100}) {
  Request request;
  const VipsImagePtr picture = quarters(size.width, size.height);
  request.source = encoded(picture.get(), std::string(facts_of(type).extension).c_str());
  request.type = type;
  request.options = options_of(path);
  return request;
}

struct Expected {
  int width, height;
};
void expect_size(const Outcome& out, Expected size) {
  EXPECT_EQ(out.rendered.result_width, size.width);
  EXPECT_EQ(out.rendered.result_height, size.height);
}

TEST(Render, PlainResizeInAndOutOfTheCommonFormats) {
  for (const ImageType from : {kJpeg, kPng, kWebp}) {
    for (const ImageType to : {kJpeg, kPng, kWebp}) {
      SCOPED_TRACE(::testing::Message() << facts_of(from).name << " to " << facts_of(to).name);
      Request request = request_for("w:50", from, {400, 200});
      request.options.format = to;
      const Outcome out = outcome_of(request);
      EXPECT_EQ(out.rendered.type, to);
      expect_size(out, {50, 25});
      EXPECT_EQ(out.rendered.origin_width, 400);
      EXPECT_EQ(out.rendered.origin_height, 200);
      expect_pixel(out.picture.get(), 5, 5, kRed, 30);
      expect_pixel(out.picture.get(), 45, 5, kGreen, 30);
      expect_pixel(out.picture.get(), 5, 20, kBlue, 30);
    }
  }
}

TEST(Render, SizesOfRealPicturesAreThePlannedOnes) {
  struct Case {
    ImageType type;
    std::string_view path;
  };
  const Case cases[] = {
      {kJpeg, "w:37"},          {kJpeg, "rt:fill/w:33/h:77"}, {kPng, "rt:force/w:301/h:7/el:1"},
      {kWebp, "w:41/rot:90"},   {kWebp, "rt:fill/w:60/h:60"}, {kPng, "w:50/h:50/ex:1/pd:3:4:5:6"},
      {kJpeg, "c:0.5:33/w:20"}, {kPng, "w:100/h:30/exar:1"},  {kPng, "rt:fill-down/w:900/h:300"},
      {kJpeg, "mw:150/mh:140"}, {kPng, "w:10/dpr:2.5"},       {kPng, "mrd:17/pd:2:2:2:2"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.path);
    Request request = request_for(c.path, c.type, {211, 97});
    request.options.format = kPng;
    const Plan plan = plan_of(facts(c.type, 211, 97), request.options, kPng);
    const Outcome out = outcome_of(request);
    expect_size(out, {plan.result.width, plan.result.height});
    EXPECT_EQ(vips_image_get_height(out.picture.get()), plan.result.height);
  }
}

TEST(Render, CropsTakeTheirGravity) {
  Request request = request_for("c:100:50");
  request.options.first().gravity = {GravityType::kSouthEast, 0, 0};
  const Outcome out = outcome_of(request);
  expect_size(out, {100, 50});
  expect_pixel(out.picture.get(), 0, 0, kWhite);
  expect_pixel(out.picture.get(), 99, 49, kWhite);
  request.options.first().crop.gravity = {GravityType::kNorthWest, 0, 0};
  expect_pixel(outcome_of(request).picture.get(), 99, 49, kRed);
  request.options.first().crop.gravity = {GravityType::kSmart, 0, 0};
  expect_size(outcome_of(request), {100, 50});
}

TEST(Render, RotationAndFlipsMoveTheQuarters) {
  Request request = request_for("rot:90");
  Outcome out = outcome_of(request);
  expect_size(out, {100, 200});
  expect_pixel(out.picture.get(), 5, 5, kBlue);
  expect_pixel(out.picture.get(), 95, 5, kRed);
  request.options.first().rotate = 0;
  request.options.first().flip_horizontal = true;
  out = outcome_of(request);
  expect_pixel(out.picture.get(), 5, 5, kGreen);
  request.options.first().flip_vertical = true;
  out = outcome_of(request);
  expect_pixel(out.picture.get(), 5, 5, kWhite);
}

TEST(Render, ExifOrientationIsAppliedAndItsTagRemoved) {
  Request request;
  VipsImage* own = nullptr;
  const VipsImagePtr picture = quarters(200, 100);
  vips_copy(picture.get(), &own, nullptr);
  const VipsImagePtr tagged = checked(own);
  vips_image_set_int(tagged.get(), "orientation", 6);
  request.source = encoded(tagged.get(), ".jpg[Q=95]");
  request.type = kJpeg;
  request.options = options_of("w:50");
  request.options.format = kPng;
  Outcome out = outcome_of(request);
  expect_size(out, {50, 100});
  EXPECT_EQ(out.rendered.origin_width, 100);
  EXPECT_EQ(out.rendered.origin_height, 200);
  expect_pixel(out.picture.get(), 5, 5, kBlue, 40);
  request.options.first().auto_rotate = false;
  request.options.strip_metadata = false;
  out = outcome_of(request);
  expect_size(out, {50, 25});
  expect_pixel(out.picture.get(), 5, 5, kRed, 40);
  EXPECT_EQ(image::orientation_of(out.picture.get()), 1);
}

TEST(Render, ExtendAndPaddingAreTransparentOrBackground) {
  Request request = request_for("w:100/h:100/ex:1/pd:10:20:30:40");
  Outcome out = outcome_of(request);
  expect_size(out, {160, 140});
  expect_pixel(out.picture.get(), 0, 0, {0, 0, 0, 0});
  expect_pixel(out.picture.get(), 42, 37, {255, 0, 0, 255}, 30);
  request.options.first().background = url::Color{10, 20, 30};
  out = outcome_of(request);
  expect_pixel(out.picture.get(), 0, 0, {10, 20, 30});
  request.options.first().background.reset();
  request.options.format = kJpeg;
  out = outcome_of(request);
  expect_pixel(out.picture.get(), 0, 0, kWhite);
}

TEST(Render, AlphaDoesNotBleedThroughAResize) {
  Request request;
  VipsImagePtr picture = plain(100, 100, {0, 255, 0, 0});
  picture = put(picture.get(), plain(50, 100, {255, 0, 0, 255}).get(), 0, 0);
  request.source = encoded(picture.get(), ".png");
  request.options = options_of("w:33");
  const Outcome out = outcome_of(request);
  const auto edge = pixel(out.picture.get(), 16, 16);
  ASSERT_EQ(edge.size(), 4u);
  EXPECT_GT(edge[0], 240);
  EXPECT_LT(edge[1], 15);
}

TEST(Render, TrimCutsTheBorder) {
  Request request;
  const VipsImagePtr picture =
      put(plain(200, 100, {255, 255, 255}).get(), plain(60, 40, {255, 0, 0}).get(), 30, 20);
  request.source = encoded(picture.get(), ".png");
  request.options.first().trim.on = true;
  request.options.first().trim.threshold = 10;
  expect_size(outcome_of(request), {60, 40});
  request.options.first().width = 30;
  expect_size(outcome_of(request), {30, 20});
  request.options.first().width = 0;
  request.options.first().trim.equal_horizontal = true;
  expect_size(outcome_of(request), {140, 40});
  request.options.first().trim.equal_vertical = true;
  expect_size(outcome_of(request), {140, 60});
  request.options.first().trim.color = url::Color{0, 0, 255};
  expect_size(outcome_of(request), {200, 100});
}

TEST(Render, FiltersChangePixelsAndNotSizes) {
  Request request = request_for("");
  request.options.first().pixelate = 50;
  Outcome out = outcome_of(request);
  expect_size(out, {200, 100});
  expect_pixel(out.picture.get(), 99, 49, kRed);
  request.options.first().pixelate = 200;
  out = outcome_of(request);
  const auto mean = pixel(out.picture.get(), 0, 0);
  EXPECT_EQ(mean, pixel(out.picture.get(), 199, 99));
  request.options.first().pixelate = 0;
  request.options.first().blur = 8;
  out = outcome_of(request);
  const auto soft = pixel(out.picture.get(), 100, 10);
  EXPECT_NEAR(soft[0], 128, 40);
  EXPECT_NEAR(soft[1], 128, 40);
  request.options.first().blur = 0;
  request.options.first().sharpen = 2;
  expect_size(outcome_of(request), {200, 100});
}

TEST(Render, BlurInTwoPassesIsTheBlurOfLibvips) {
  Request request;
  VipsImage* noise = nullptr;
  vips_gaussnoise(&noise, 90, 70, "mean", 128.0, "sigma", 60.0, nullptr);
  VipsImage* bytes = nullptr;
  vips_cast(checked(noise).get(), &bytes, VIPS_FORMAT_UCHAR, nullptr);
  VipsImage* rgb = nullptr;
  const VipsImagePtr grey = checked(bytes);
  vips_colourspace(grey.get(), &rgb, VIPS_INTERPRETATION_sRGB, "source_space",
                   VIPS_INTERPRETATION_B_W, nullptr);
  const VipsImagePtr picture = checked(rgb);
  request.source = encoded(picture.get(), ".png");
  for (const double sigma : {0.1, 0.7, 3.0, 40.0}) {
    SCOPED_TRACE(sigma);
    request.options.first().blur = sigma;
    const Outcome out = outcome_of(request);
    VipsImage* blurred = nullptr;
    vips_gaussblur(picture.get(), &blurred, sigma, nullptr);
    const VipsImagePtr wanted = checked(blurred);
    VipsImage* difference = nullptr;
    vips_subtract(wanted.get(), out.picture.get(), &difference, nullptr);
    VipsImage* absolute = nullptr;
    vips_abs(checked(difference).get(), &absolute, nullptr);
    double most = 0;
    vips_max(checked(absolute).get(), &most, nullptr);
    EXPECT_EQ(most, 0);
  }
}

TEST(Render, GreyPicturesStayGreyUntilFiltered) {
  Request request;
  request.source = encoded(plain(60, 40, {77}).get(), ".png");
  request.options = options_of("w:30");
  EXPECT_EQ(vips_image_get_bands(outcome_of(request).picture.get()), 1);
  request.options.first().blur = 1;
  EXPECT_EQ(vips_image_get_bands(outcome_of(request).picture.get()), 3);
}

TEST(Render, LinearLightIsBrighterBetweenBlackAndWhite) {
  Request request;
  VipsImagePtr picture = plain(64, 64, {0, 0, 0});
  for (int x = 0; x < 64; x += 2)
    picture = put(picture.get(), plain(1, 64, {255, 255, 255}).get(), x, 0);
  request.source = encoded(picture.get(), ".png");
  request.options = options_of("w:16");
  const auto plain_grey = pixel(outcome_of(request).picture.get(), 8, 8)[0];
  request.config.use_linear_colorspace = true;
  const auto linear_grey = pixel(outcome_of(request).picture.get(), 8, 8)[0];
  EXPECT_NEAR(plain_grey, 128, 8);
  EXPECT_NEAR(linear_grey, 188, 8);
}

TEST(Render, FixSizeKeepsIcoWithin256) {
  Request request = request_for("", kPng, {800, 600});
  request.options.format = kIco;
  auto result = request.run();
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  EXPECT_EQ(result->result_width, 256);
  EXPECT_EQ(result->result_height, 192);
}

TEST(Render, MaxBytesLowersQuality) {
  Request request = request_for("", kJpeg, {800, 600});
  VipsImage* noise = nullptr;
  vips_gaussnoise(&noise, 400, 300, "mean", 128.0, "sigma", 60.0, nullptr);
  request.source = encoded(checked(noise).get(), ".jpg[Q=95]");
  const auto full = request.run();
  ASSERT_TRUE(full.has_value());
  request.options.max_bytes = static_cast<std::int64_t>(full->bytes.size() / 2);
  const auto fitted = request.run();
  ASSERT_TRUE(fitted.has_value());
  EXPECT_LE(static_cast<std::int64_t>(fitted->bytes.size()), request.options.max_bytes);
  request.options.max_bytes = 10;
  EXPECT_TRUE(request.run().has_value());
}

// They come from their decoder at the size that is wanted, or by means, or at their own size: what
// one side needs may be too much for the other. The result is that of the same PNG.
TEST(Render, SizesOfAvifAndHeicAreThoseOfOthers) {
  for (const ImageType type : {kAvif, kHeic}) {
    if (!can_save(type)) continue;
    for (const std::string_view path :
         {"w:100", "w:101/rot:90", "rt:fill/w:60/h:60/g:ea", "rt:force/w:4/h:100",
          "rt:force/w:20/h:100", "rt:force/w:800/h:3", "rt:force/w:1/h:1", "w:16/h:16", "w:1",
          "w:300/zoom:0.5", "w:100/pd:3:4", "rt:fill/w:90/h:50/c:400:100:soea", "w:50/mw:70"}) {
      for (const Size size : {Size{801, 200}, Size{1200, 16}}) {
        SCOPED_TRACE(::testing::Message()
                     << facts_of(type).name << " " << size.width << " " << path);
        Request request = request_for(path, type, size), other = request_for(path, kPng, size);
        request.options.format = other.options.format = kPng;
        const Outcome out = outcome_of(request), same = outcome_of(other);
        expect_size(out, {same.rendered.result_width, same.rendered.result_height});
        EXPECT_LT(mean_difference(out.picture.get(), same.picture.get()), 8);
      }
    }
  }
}

TEST(Render, TinyAvifIsSavedAsJpegOrPng) {
  Request request = request_for("w:10", kPng);
  request.options.format = kAvif;
  if (!can_save(kAvif)) GTEST_SKIP() << "no AVIF encoder here";
  EXPECT_EQ(outcome_of(request).rendered.type, kJpeg);
  request.options.first().padding = {1, 1, 1, 1};
  EXPECT_EQ(outcome_of(request).rendered.type, kPng);
}

}  // namespace
}  // namespace imgring::pipeline
