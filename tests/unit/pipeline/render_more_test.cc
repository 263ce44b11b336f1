// render(): animation, watermark, SVG, skipping, refused inputs, stopping.
#include <thread>

#include "plan_helpers.h"
#include "render_helpers.h"

namespace imgring::pipeline {
namespace {

using namespace testing;
using enum ImageType;
using url::GravityType;

constexpr std::string_view kSvg200x100 =
    R"(<svg xmlns="http://www.w3.org/2000/svg" width="200" height="100">)"
    R"(<rect width="200" height="100" fill="#f00"/></svg>)";

Request animated_request(std::string_view path) {
  Request request;
  request.source = animation(60, 40, {kRed, kGreen, kBlue});
  request.type = kGif;
  request.options = options_of(path);
  request.options.max_animation_frames = 100;
  return request;
}

TEST(RenderAnimation, EveryFrameIsResizedAndTimesStay) {
  for (const ImageType to : {kGif, kWebp}) {
    SCOPED_TRACE(facts_of(to).name);
    Request request = animated_request("w:30");
    request.options.format = to;
    const Outcome out = outcome_of(request, -1);
    EXPECT_EQ(out.rendered.result_height, 20);
    EXPECT_EQ(out.rendered.origin_height, 40);
    ASSERT_EQ(vips_image_get_height(out.picture.get()), 60);
    EXPECT_EQ(vips_image_get_n_pages(out.picture.get()), 3);
    const auto colour = pixel(out.picture.get(), 15, 30);
    EXPECT_NEAR(colour[1], 255, 12);
    EXPECT_NEAR(colour[0], 0, 12);
    int* delays = nullptr;
    int count = 0;
    ASSERT_EQ(vips_image_get_array_int(out.picture.get(), "delay", &delays, &count), 0);
    ASSERT_EQ(count, 3);
    EXPECT_EQ(delays[2], 120);
  }
}

TEST(RenderAnimation, FrameLimitAndStillFormats) {
  Request request = animated_request("");
  request.options.max_animation_frames = 2;
  EXPECT_EQ(vips_image_get_n_pages(outcome_of(request, -1).picture.get()), 2);
  request.options.max_animation_frames = 1;
  EXPECT_EQ(vips_image_get_n_pages(outcome_of(request, -1).picture.get()), 1);
  request.options.max_animation_frames = 100;
  request.options.format = kPng;
  const Outcome still = outcome_of(request);
  EXPECT_EQ(still.rendered.result_height, 40);
}

TEST(RenderAnimation, RotatedFramesStayFrames) {
  Request request = animated_request("rot:90/pd:2:2:2:2");
  const Outcome out = outcome_of(request, -1);
  EXPECT_EQ(out.rendered.result_width, 44);
  EXPECT_EQ(out.rendered.result_height, 64);
  EXPECT_EQ(vips_image_get_height(out.picture.get()), 64 * 3);
}

Request marked_request() {
  Request request;
  request.source = encoded(plain(200, 100, {0, 0, 255}).get(), ".png");
  request.watermark.bytes = encoded(plain(20, 10, {255, 0, 0}).get(), ".png");
  request.watermark.type = kPng;
  request.options.first().watermark.opacity = 1;
  return request;
}

TEST(RenderWatermark, LiesWhereItsPositionSays) {
  Request request = marked_request();
  request.options.first().watermark.position = {GravityType::kSouthEast, 5, 5};
  Outcome out = outcome_of(request);
  EXPECT_EQ(vips_image_get_bands(out.picture.get()), 3);
  expect_pixel(out.picture.get(), 194, 94, kRed);
  expect_pixel(out.picture.get(), 175, 85, kRed);
  expect_pixel(out.picture.get(), 196, 96, kBlue);
  expect_pixel(out.picture.get(), 174, 84, kBlue);
  request.options.first().watermark.opacity = 0.5;
  out = outcome_of(request);
  expect_pixel(out.picture.get(), 190, 90, {128, 0, 127});
  request.config.watermark_opacity = 0.5;
  out = outcome_of(request);
  expect_pixel(out.picture.get(), 190, 90, {64, 0, 191});
}

TEST(RenderWatermark, ScalesWithThePicture) {
  Request request = marked_request();
  request.options.first().watermark.scale = 0.5;
  const Outcome out = outcome_of(request);
  expect_pixel(out.picture.get(), 52, 27, kRed);
  expect_pixel(out.picture.get(), 147, 72, kRed);
  expect_pixel(out.picture.get(), 40, 50, kBlue);
}

TEST(RenderWatermark, ReplicatesWithSpacing) {
  Request request = marked_request();
  request.options.first().watermark.position = {GravityType::kReplicate, 20, 10};
  const Outcome out = outcome_of(request);
  // Tiles of 40 x 20, the middle one centred: x from 80, the mark at 90 to 110.
  expect_pixel(out.picture.get(), 100, 50, kRed);
  expect_pixel(out.picture.get(), 82, 50, kBlue);
  expect_pixel(out.picture.get(), 140, 50, kRed);
}

// Left half red, right half white; `orientation`: as a JPEG whose EXIF turns it.
std::string halves(int orientation) {
  VipsImagePtr red = plain(40, 40, {255, 0, 0}), white = plain(40, 40, {255, 255, 255});
  VipsImage* joined = nullptr;
  EXPECT_EQ(vips_join(red.get(), white.get(), &joined, VIPS_DIRECTION_HORIZONTAL, nullptr), 0);
  const VipsImagePtr owned(joined);
  if (orientation == 1) return encoded(joined, ".png");
  vips_image_set_int(joined, VIPS_META_ORIENTATION, orientation);
  return encoded(joined, ".jpg[Q=100,subsample_mode=off]");
}

// Whole, these marks would take terabytes: only what lies inside the frame is made.
TEST(RenderWatermark, IsMadeNoLargerThanTheFrame) {
  for (const double scale : {2.0, 20.0, 20000.0}) {
    for (const int orientation : {1, 3}) {
      SCOPED_TRACE(std::to_string(scale) + " " + std::to_string(orientation));
      Request request = marked_request();
      request.watermark.bytes = halves(orientation);
      request.watermark.type = orientation == 1 ? kPng : ImageType::kJpeg;
      request.options.first().watermark.scale = scale;
      const Outcome out = outcome_of(request);
      EXPECT_EQ(vips_image_get_width(out.picture.get()), 200);
      if (scale > 10) continue;  // the middle of one pixel is all that shows
      const auto left = pixel(out.picture.get(), 5, 50), right = pixel(out.picture.get(), 195, 50);
      EXPECT_NEAR(left[1], orientation == 1 ? 0 : 255, 3);
      EXPECT_NEAR(right[1], orientation == 1 ? 255 : 0, 3);
    }
  }
}

TEST(RenderWatermark, ReplicatedOnesLargerThanTheFrameShowTheirMiddle) {
  for (const double gap : {0.0, 5.0, 100000.0}) {
    SCOPED_TRACE(gap);
    Request request = marked_request();
    request.watermark.bytes = halves(1);
    request.options.first().watermark.scale = 2;
    request.options.first().watermark.position = {GravityType::kReplicate, gap, gap};
    const Outcome out = outcome_of(request);
    if (gap < 10) {
      EXPECT_NEAR(pixel(out.picture.get(), 5, 50)[1], 0, 3);
      EXPECT_NEAR(pixel(out.picture.get(), 195, 50)[1], 255, 3);
    }
    EXPECT_EQ(vips_image_get_width(out.picture.get()), 200);
  }
}

TEST(RenderWatermark, IsOnEveryFrame) {
  Request request = animated_request("");
  request.watermark.bytes = encoded(plain(10, 10, {255, 255, 255}).get(), ".png");
  request.watermark.type = kPng;
  request.options.first().watermark.opacity = 1;
  const Outcome out = outcome_of(request, -1);
  for (int frame = 0; frame < 3; ++frame) {
    const auto colour = pixel(out.picture.get(), 30, frame * 40 + 20);
    EXPECT_NEAR(colour[0] + colour[1] + colour[2], 765, 30) << frame;
  }
}

// libvips looks through three by three pixels.
TEST(RenderTrim, PicturesOfOneAndTwoPixelsAreTrimmedToo) {
  for (const auto& [width, height] : {std::pair{1, 1}, {2, 1}, {1, 9}, {2, 2}, {9, 2}}) {
    Request request;
    request.source = encoded(plain(width, height, {250, 240, 230}).get(), ".png");
    request.options.first().trim.on = true;
    const Outcome same = outcome_of(request);
    EXPECT_EQ(same.rendered.result_width, width);
    EXPECT_EQ(same.rendered.result_height, height);
  }
  Request request;
  const VipsImagePtr bar =
      put(plain(9, 2, {0, 0, 0}).get(), plain(3, 2, {255, 255, 255}).get(), 4, 0);
  request.source = encoded(bar.get(), ".png");
  request.options.first().trim.on = true;
  EXPECT_EQ(outcome_of(request).rendered.result_width, 3);
}

TEST(RenderSvg, IsRasterisedOnDemandAtTheWantedSize) {
  Request request;
  request.source = std::string(kSvg200x100);
  request.type = kSvg;
  request.options = options_of("w:300");
  request.options.format = kPng;
  const Outcome out = outcome_of(request);
  EXPECT_EQ(out.rendered.result_width, 300);
  EXPECT_EQ(out.rendered.result_height, 150);
  EXPECT_EQ(out.rendered.origin_width, 200);
  const auto colour = pixel(out.picture.get(), 150, 75);
  EXPECT_EQ(colour[0], 255);
}

// A trimmed vector is a picture: v4 does not enlarge it unasked.
TEST(RenderSvg, TrimmedVectorsAreNotEnlarged) {
  Request request;
  request.source = std::string(kSvg200x100);
  request.type = kSvg;
  request.options = options_of("w:300");
  request.options.format = kPng;
  request.options.first().trim.on = true;
  request.options.first().trim.threshold = 5;
  EXPECT_EQ(outcome_of(request).rendered.result_width, 200);
  request.options.first().enlarge = true;
  EXPECT_EQ(outcome_of(request).rendered.result_width, 300);
}

TEST(RenderSvg, GuardKeepsTheRasterWithinTheLimit) {
  Request request;
  request.source = std::string(kSvg200x100);
  request.type = kSvg;
  request.options.format = kPng;
  request.options.max_src_resolution = 5000;
  const Outcome out = outcome_of(request);
  EXPECT_EQ(out.rendered.result_width, 100);
  EXPECT_EQ(out.rendered.result_height, 50);
}

// Tiles of a longer side fail inside libvips, which then ends the process.
TEST(RenderSvg, ASideBeyondCairosIsRefused) {
  Request request;
  request.source = std::string(kSvg200x100);
  request.type = kSvg;
  request.options = options_of("w:60000");
  request.options.format = kPng;
  const auto result = request.run();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kResolutionTooLarge);
}

TEST(RenderSvg, WithoutAFormatItIsSanitisedText) {
  Request request;
  request.source = R"(<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10">)"
                   R"(<script>alert(1)</script><rect width="20" height="10"/></svg>)";
  request.type = kSvg;
  auto result = request.run();
  ASSERT_TRUE(result.has_value()) << result.error().detail;
  EXPECT_FALSE(result->same_as_source);
  EXPECT_EQ(as_text(result->bytes.span()).find("script"), std::string_view::npos);
  EXPECT_NE(as_text(result->bytes.span()).find("rect"), std::string_view::npos);
  request.config.sanitize_svg = false;
  result = request.run();
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(result->same_as_source);
}

void append_be(std::string* out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}
// A profile of linear grey. The filling is noise: libpng calls a profile that packs well too short.
std::string linear_grey_profile() {
  constexpr std::uint32_t kD50[] = {0xF6D6, 0x10000, 0xD32D};
  std::string out;
  append_be(&out, 460);
  out += std::string(4, '\0') + std::string("\2\x10\0\0mntrGRAYXYZ ", 16);
  out += std::string(12, '\0') + "acsp" + std::string(28, '\0');
  for (const std::uint32_t v : kD50) append_be(&out, v);
  out.resize(128, '\0');
  append_be(&out, 3);
  const auto tag = [&out](const char* name, std::uint32_t at, std::uint32_t size) {
    out += name;
    append_be(&out, at);
    append_be(&out, size);
  };
  tag("wtpt", 168, 20);
  tag("kTRC", 188, 14);
  tag("fill", 204, 256);
  out += std::string("XYZ \0\0\0\0", 8);
  for (const std::uint32_t v : kD50) append_be(&out, v);
  out += std::string("curv\0\0\0\0\0\0\0\1\1\0\0\0data\0\0\0\0", 24);
  std::uint32_t state = 1;
  while (out.size() < 460) {
    state = state * 1664525u + 1013904223u;
    out.push_back(static_cast<char>(state >> 24));
  }
  return out;
}

// Half of linear grey is 188 of sRGB: it must not become a colour as 128.
TEST(RenderFlatten, AGreyOnAColourLeavesItsProfileFirst) {
  const VipsImagePtr grey = plain(40, 20, {128, 255});
  VipsImage* own = nullptr;
  vips_copy(grey.get(), &own, nullptr);
  const VipsImagePtr tagged = checked(own);
  const std::string profile = linear_grey_profile();
  vips_image_set_blob_copy(tagged.get(), VIPS_META_ICC_NAME, profile.data(), profile.size());
  Request request;
  request.source = encoded(tagged.get(), ".png");
  request.options.format = kPng;
  request.options.first().background = url::Color{255, 0, 0};
  const Outcome coloured = outcome_of(request);
  expect_pixel(coloured.picture.get(), 20, 10, {188, 188, 188}, 3);
  EXPECT_EQ(vips_image_get_typeof(coloured.picture.get(), VIPS_META_ICC_NAME), 0u);
}

// libvips reads no EXIF that the file's flags don't speak of; our probe looks for the chunk.
TEST(RenderOrigin, IsWhatLibvipsSaysWhereTheProbeIsWrong) {
  VipsImage* own = nullptr;
  vips_copy(quarters(30, 20).get(), &own, nullptr);
  const VipsImagePtr tagged = checked(own);
  vips_image_set_int(tagged.get(), "orientation", 6);
  Request request;
  request.source = encoded(tagged.get(), ".webp");
  request.type = kWebp;
  request.options.format = kPng;
  const Outcome turned = outcome_of(request);
  EXPECT_EQ(turned.rendered.origin_width, 20);
  EXPECT_EQ(turned.rendered.origin_height, 30);
  constexpr std::size_t kFlagsAt = 20;
  constexpr char kExifFlag = 0x08;
  ASSERT_EQ(request.source.substr(12, 4), "VP8X");
  request.source[kFlagsAt] = static_cast<char>(request.source[kFlagsAt] & ~kExifFlag);
  const Outcome upright = outcome_of(request);
  EXPECT_EQ(upright.rendered.origin_width, 30);
  EXPECT_EQ(upright.rendered.origin_height, 20);
  EXPECT_EQ(upright.rendered.result_width, 30);
}

TEST(RenderSkip, SourcesOfSkippedFormatsAreAnsweredAsTheyAre) {
  Request request;
  request.source = encoded(quarters(40, 20).get(), ".png");
  request.options.skip_processing.add(kPng);
  auto result = request.run();
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(result->same_as_source);
  EXPECT_EQ(result->type, kPng);
  request.options.max_src_resolution = 100;
  result = request.run();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kResolutionTooLarge);
}

TEST(RenderForesee, ThePlanIsWhatRenderDoes) {
  Request request;
  request.source = encoded(quarters(640, 480).get(), ".jpg");
  request.type = kJpeg;
  request.options = options_of("w:150/pd:3:3:3:3");
  RenderJob job;
  job.source = as_bytes(request.source);
  job.source_type = kJpeg;
  job.options = &request.options;
  job.config = &request.config;
  const auto foreseen = foresee(job);
  ASSERT_TRUE(foreseen.has_value());
  EXPECT_EQ(foreseen->plan.load.shrink, 4);
  EXPECT_GT(foreseen->plan.planned_bytes, 0);
  const Outcome out = outcome_of(request);
  EXPECT_EQ(foreseen->plan.result.width, out.rendered.result_width);
  EXPECT_EQ(foreseen->plan.result.height, out.rendered.result_height);
  request.options.skip_processing.add(kJpeg);
  EXPECT_TRUE(foresee(job)->skipped);
}

TEST(RenderRefused, BrokenAndTooLargeSources) {
  struct Case {
    ImageType type;
    std::string source;
    ErrorCode code;
  };
  const std::string png = encoded(quarters(400, 200).get(), ".png");
  const std::string jpeg = encoded(quarters(400, 200).get(), ".jpg");
  const Case cases[] = {
      {kPng, png.substr(0, 20), ErrorCode::kBrokenImage},
      {kPng, "", ErrorCode::kBrokenImage},
      {kJpeg, "\xFF\xD8\xFF\xD9", ErrorCode::kBrokenImage},
      {kJpeg, jpeg.substr(0, 30), ErrorCode::kBrokenImage},
      {kWebp, "RIFF____WEBPVP8 ", ErrorCode::kBrokenImage},
      {kGif, "GIF89a", ErrorCode::kBrokenImage},
      {kUnknown, png, ErrorCode::kSourceUnsupported},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(::testing::Message() << facts_of(c.type).name << " " << c.source.size());
    Request request;
    request.source = c.source;
    request.type = c.type;
    request.options = options_of("w:50");
    const auto result = request.run();
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, c.code) << result.error().detail;
  }
}

TEST(RenderRefused, ResolutionIsCheckedBeforeTheDecode) {
  for (const ImageType type : {kPng, kJpeg, kWebp}) {
    Request request;
    request.source =
        encoded(quarters(400, 200).get(), std::string(facts_of(type).extension).c_str());
    request.type = type;
    request.options.max_src_resolution = 79999;
    const auto result = request.run();
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::kResolutionTooLarge);
    request.options.max_src_resolution = 80000;
    EXPECT_TRUE(request.run().has_value());
  }
}

// A screen of 8 x 8 with a frame of 60 x 40: more is asked for before any pixel is made.
TEST(RenderRefused, WhatIsLargerThanItsHeaderSaysAsksForMemory) {
  std::string source = animation(60, 40, {kRed});
  constexpr std::size_t kScreen = 6;
  source.replace(kScreen, 4, std::string("\x08\0\x08\0", 4));
  const url::RequestOptions options = options_of("w:30");
  const config::ProcessingConfig config;
  RenderJob job;
  job.source = as_bytes(source);
  job.source_type = kGif;
  job.options = &options;
  job.config = &config;
  job.memory_bytes = 1;
  PlannedBytes asked;
  bool room = true;
  job.more_memory = [&](const PlannedBytes& real) -> Result<void> {
    asked = real;
    if (!room) return fail(ErrorCode::kOverloaded, "no room");
    return {};
  };
  ASSERT_TRUE(render(job, image::StopFlag()).has_value());
  EXPECT_GE(asked.planned, 60 * 40 * 3);
  room = false;
  const auto none = render(job, image::StopFlag());
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, ErrorCode::kOverloaded);
  job.memory_bytes = static_cast<std::uint64_t>(asked.planned);
  EXPECT_TRUE(render(job, image::StopFlag()).has_value());
}

TEST(RenderRefused, SvgCannotBeTheResultOfAPixelSource) {
  Request request;
  request.source = encoded(quarters(40, 20).get(), ".png");
  request.options.format = kSvg;
  const auto result = request.run();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kResultUnsupported);
}

TEST(RenderStop, ReasonDecidesTheError) {
  struct Case {
    image::StopReason reason;
    ErrorCode code;
  };
  for (const Case c : {Case{image::StopReason::kTimeout, ErrorCode::kTimeout},
                       {image::StopReason::kClientGone, ErrorCode::kCancelled},
                       {image::StopReason::kShutdown, ErrorCode::kCancelled}}) {
    Request request;
    request.source = encoded(quarters(400, 200).get(), ".png");
    request.stop->stop(c.reason);
    const auto result = request.run();
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, c.code);
  }
}

TEST(RenderStop, ARunningJobEndsSoonAfterTheFlag) {
  Request request;
  VipsImage* noise = nullptr;
  vips_gaussnoise(&noise, 3000, 3000, nullptr);
  request.source = encoded(checked(noise).get(), ".png[compression=1]");
  request.options = options_of("w:6000/el:1");
  request.options.first().blur = 1000;
  request.options.first().sharpen = 1000;
  request.options.format = kPng;
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    request.stop->stop(image::StopReason::kTimeout);
  });
  const auto begin = std::chrono::steady_clock::now();
  const auto result = request.run();
  const auto took = std::chrono::steady_clock::now() - begin;
  stopper.join();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kTimeout);
  EXPECT_LT(took, std::chrono::seconds(5));
}

}  // namespace
}  // namespace imgring::pipeline
