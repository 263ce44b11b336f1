// Options of imgproxy's paid edition on pixels (docs/spec/paid.md): what the formulas of
// tests/golden/formulas_test.py do not reach.
#include <cmath>
#include <set>

#include "../../../src/pipeline/area_map.h"
#include "imgring/base/sanitized.h"
#include "imgring/pipeline/plan_work.h"
#include "plan_helpers.h"
#include "render_helpers.h"

namespace imgring::pipeline {
namespace {

using namespace testing;
using enum ImageType;

Request request_of(VipsImage* picture) {
  Request request;
  request.source = encoded(picture, ".png");
  request.options.format = kPng;
  return request;
}

// Noise of colours, the same each time.
VipsImagePtr noise(int width, int height, int bands = 3) {
  VipsImage* first = nullptr;
  vips_black(&first, width, height, "bands", bands, nullptr);
  const VipsImagePtr black = checked(first);
  const VipsImagePtr memory(vips_image_copy_memory(black.get()));
  VipsImage* own = vips_image_new_memory();
  vips_image_write(memory.get(), own);
  const VipsImagePtr out = checked(own);
  auto* at = static_cast<std::uint8_t*>(const_cast<void*>(vips_image_get_data(out.get())));
  std::uint32_t state = 7;
  for (int i = 0; i < width * height * bands; ++i) {
    state = state * 1664525 + 1013904223;
    at[i] = static_cast<std::uint8_t>(state >> 24);
  }
  return as_srgb(out.get());
}

VipsImagePtr part(VipsImage* picture, int left, int top, int width, int height) {
  VipsImage* out = nullptr;
  EXPECT_EQ(vips_extract_area(picture, &out, left, top, width, height, nullptr), 0);
  return checked(out);
}

TEST(ResizingAlgorithm, IsTheKernelOfLibvips) {
  const VipsImagePtr source = noise(60, 40);
  const std::pair<url::ResizingAlgorithm, VipsKernel> kernels[] = {
      {url::ResizingAlgorithm::kNearest, VIPS_KERNEL_NEAREST},
      {url::ResizingAlgorithm::kLinear, VIPS_KERNEL_LINEAR},
      {url::ResizingAlgorithm::kCubic, VIPS_KERNEL_CUBIC},
      {url::ResizingAlgorithm::kLanczos2, VIPS_KERNEL_LANCZOS2},
      {url::ResizingAlgorithm::kLanczos3, VIPS_KERNEL_LANCZOS3}};
  for (const auto& [algorithm, kernel] : kernels) {
    SCOPED_TRACE(static_cast<int>(kernel));
    Request request = request_of(source.get());
    request.options.first().resizing_algorithm = algorithm;
    request.options.first().width = 25;
    VipsImage* resized = nullptr;
    ASSERT_EQ(vips_resize(source.get(), &resized, 25 / 60.0, "kernel", kernel, nullptr), 0);
    const VipsImagePtr wanted = checked(resized);
    EXPECT_EQ(largest_difference(outcome_of(request).picture.get(), wanted.get()), 0);
  }
}

// Whatever goes past libvips knows one kernel, and no loader makes a mean of pixels.
TEST(ResizingAlgorithm, NearestTakesPixelsOfTheSource) {
  VipsImagePtr stripes = plain(600, 600, {0, 0, 0});
  for (int x = 0; x < 600; x += 2) {
    stripes = put(stripes.get(), plain(1, 600, {255, 255, 255}).get(), x, 0);
  }
  Request request;
  request.source = encoded(stripes.get(), ".jpg[Q=100,subsample_mode=off]");
  request.type = ImageType::kJpeg;
  request.options.format = kPng;
  request.options.first().width = 75;
  request.options.first().resizing_algorithm = url::ResizingAlgorithm::kNearest;
  const Outcome out = outcome_of(request);
  EXPECT_FALSE(out.rendered.native);
  for (int x = 5; x < 70; x += 7) {
    const double v = pixel(out.picture.get(), x, 20)[0];
    EXPECT_TRUE(v < 40 || v > 215) << v;
  }
}

TEST(CropAspectRatio, CorrectsTheCrop) {
  struct Case {
    double width, height, ratio;
    bool enlarge;
    Size wanted;
  };
  // Of a source of 1000 x 800.
  const Case cases[] = {{100, 200, 1, false, {100, 100}},  {100, 200, 1, true, {200, 200}},
                        {200, 100, 1, false, {100, 100}},  {300, 100, 0.5, false, {50, 100}},
                        {300, 100, 0.5, true, {300, 600}}, {0, 0, 1, false, {800, 800}},
                        {0, 0, 2, false, {1000, 500}},     {0, 0, 2, true, {1000, 500}},
                        {900, 700, 2, true, {1000, 500}},  {5000, 100, 1, true, {800, 800}},
                        {100, 0, 1, false, {100, 100}},    {1, 1, 1e6, false, {1, 1}},
                        {1, 1, 1e6, true, {1000, 1}},      {500, 500, 0, true, {500, 500}}};
  for (const Case& c : cases) {
    SCOPED_TRACE(std::to_string(c.width) + "x" + std::to_string(c.height) + " " +
                 std::to_string(c.ratio) + (c.enlarge ? " enlarged" : ""));
    url::RequestOptions o;
    o.first().crop.width = c.width;
    o.first().crop.height = c.height;
    o.first().crop_aspect_ratio = {c.ratio, c.enlarge};
    const Geometry g = compute_geometry(facts(kPng, 1000, 800), o.first(), 0);
    EXPECT_EQ((Size{g.crop_width, g.crop_height}), c.wanted);
  }
}

// The gravity stays: c:100:200:nowe:300:400/car:1:1 of the documentation.
TEST(CropAspectRatio, LeavesTheGravity) {
  url::RequestOptions o;
  o.first().crop = {100, 200, {url::GravityType::kNorthWest, 300, 400}};
  o.first().crop_aspect_ratio = {1, true};
  const Plan plan = plan_of(facts(kPng, 1000, 800), o);
  const Step* crop = find_step(plan, StepKind::kCrop);
  ASSERT_NE(crop, nullptr);
  EXPECT_EQ(crop->area.left, 300);
  EXPECT_EQ(crop->area.top, 400);
  EXPECT_EQ(crop->after, (Size{200, 200}));
}

TEST(UnsharpMasking, AutoSharpensWhatWasMadeSmaller) {
  url::RequestOptions o = options_of("w:50");
  const auto on = [&o](int width) {
    const Plan plan = plan_of(facts(kPng, width, width), o);
    const Step* filters = find_step(plan, StepKind::kFilters);
    return filters != nullptr && filters->unsharp;
  };
  o.first().unsharp.mode = config::UnsharpMode::kAuto;
  EXPECT_TRUE(on(100));
  EXPECT_FALSE(on(50)) << "unscaled";
  EXPECT_FALSE(on(25)) << "enlarge is off";
  // What the loader makes smaller was made smaller, too.
  const Plan jpeg = plan_of(facts(ImageType::kJpeg, 400, 400), o, ImageType::kJpeg);
  EXPECT_EQ(find_step(jpeg, StepKind::kScale), nullptr);
  ASSERT_NE(find_step(jpeg, StepKind::kFilters), nullptr);
  o.first().sharpen = 1;
  EXPECT_FALSE(on(100)) << "sharpen is on";
  o.first().unsharp.mode = config::UnsharpMode::kAlways;
  EXPECT_TRUE(on(50));
  o.first().unsharp.mode = config::UnsharpMode::kNone;
  EXPECT_FALSE(on(100));
}

TEST(UnsharpMasking, AnEdgeAndFlatAreas) {
  VipsImagePtr edge = plain(20, 10, {100, 100, 100});
  edge = put(edge.get(), plain(10, 10, {200, 200, 200}).get(), 10, 0);
  Request request = request_of(edge.get());
  request.options.first().unsharp.mode = config::UnsharpMode::kAlways;
  const Outcome out = outcome_of(request);
  expect_pixel(out.picture.get(), 9, 5, {88, 88, 88}, 0);
  expect_pixel(out.picture.get(), 10, 5, {213, 213, 213}, 0);
  expect_pixel(out.picture.get(), 8, 5, {100, 100, 100}, 0);
  expect_pixel(out.picture.get(), 0, 0, {100, 100, 100}, 0);
  expect_pixel(out.picture.get(), 19, 9, {200, 200, 200}, 0);
}

TEST(UnsharpMasking, TakesNoColourFromWhatCannotBeSeen) {
  VipsImagePtr half = plain(20, 10, {200, 0, 0, 255});
  half = put(half.get(), plain(10, 10, {0, 255, 0, 0}).get(), 10, 0);
  Request request = request_of(half.get());
  request.options.first().unsharp.mode = config::UnsharpMode::kAlways;
  const Outcome out = outcome_of(request);
  const auto beside = pixel(out.picture.get(), 9, 5);
  EXPECT_EQ(beside[1], 0) << "no green";
  EXPECT_EQ(beside[3], 255);
  EXPECT_EQ(pixel(out.picture.get(), 10, 5)[3], 0);
}

TEST(BlurAreas, ChangesNothingOutside) {
  const VipsImagePtr source = noise(80, 60);
  Request request = request_of(source.get());
  request.options.first().blur_areas = {3, {{0.25, 0.5, 0.25, 0.25}}};
  const Outcome out = outcome_of(request);
  // Pixels 20 to 40, 30 to 45.
  const VipsImagePtr above = part(source.get(), 0, 0, 80, 30);
  EXPECT_EQ(largest_difference(part(out.picture.get(), 0, 0, 80, 30).get(), above.get()), 0);
  EXPECT_EQ(largest_difference(part(out.picture.get(), 40, 0, 40, 60).get(),
                               part(source.get(), 40, 0, 40, 60).get()),
            0);
  request.options.first().blur_areas = {};
  request.options.first().blur = 3;
  const Outcome whole = outcome_of(request);
  EXPECT_LE(largest_difference(part(out.picture.get(), 20, 30, 20, 15).get(),
                               part(whole.picture.get(), 20, 30, 20, 15).get()),
            1);
}

// The area in the frame that the metadata makes upright.
url::RelativeArea turned(url::RelativeArea area, int orientation) {
  const auto flip_x = [&area] { area.left = 1 - area.left - area.width; };
  const auto flip_y = [&area] { area.top = 1 - area.top - area.height; };
  if (orientation == 2 || orientation == 3) flip_x();
  if (orientation == 3 || orientation == 4) flip_y();
  if (orientation >= 5) area = {area.top, area.left, area.height, area.width};
  if (orientation == 6 || orientation == 7) flip_x();
  if (orientation == 7 || orientation == 8) flip_y();
  return area;
}

// A mark at a known place of the source is blurred wherever the steps take it.
TEST(BlurAreas, FollowThePicture) {
  VipsImagePtr marked = plain(200, 100, {255, 255, 255});
  for (int x = 120; x < 160; x += 4) {
    marked = put(marked.get(), plain(2, 20, {0, 0, 0}).get(), x, 20);
  }
  const std::string paths[] = {"",
                               "rot:90",
                               "rot:180",
                               "rot:270",
                               "w:100",
                               "rt:force/w:100/h:90",
                               "rt:fill/w:60/h:60",
                               "c:120:60",
                               "rot:90/c:60:120",
                               "rot:270/rt:fill/w:50/h:70"};
  int combination = 0;
  for (const std::string& path : paths) {
    for (const int orientation : {1, 2, 3, 4, 5, 6, 7, 8}) {
      for (const bool trim : {false, true}) {
        // Every fifth still has each orientation with and without trim.
        if (kSanitized && ++combination % 5 != 0) continue;
        SCOPED_TRACE(path + " orientation " + std::to_string(orientation) +
                     (trim ? " trimmed" : ""));
        VipsImage* own = nullptr;
        vips_copy(marked.get(), &own, nullptr);
        VipsImagePtr source = checked(own);
        if (trim) {
          VipsImage* framed = nullptr;
          vips_embed(source.get(), &framed, 30, 20, 260, 140, nullptr);
          source = checked(framed);
        }
        vips_image_set_int(source.get(), VIPS_META_ORIENTATION, orientation);
        Request request;
        request.source = encoded(source.get(), ".tif");
        request.type = kTiff;
        request.options = options_of(path);
        request.options.format = kPng;
        request.options.first().trim.on = trim;
        request.options.first().trim.threshold = 10;
        request.options.first().flip_horizontal = path.size() % 2 == 1;
        const Outcome sharp = outcome_of(request);
        const double w = trim ? 260 : 200, h = trim ? 140 : 100;
        const double left = trim ? 150 : 120, top = trim ? 40 : 20;
        const url::RelativeArea area = turned({left / w, top / h, 40 / w, 20 / h}, orientation);
        request.options.first().blur_areas = {30, {area}};
        const Outcome soft = outcome_of(request);
        double darkest_before = 255, darkest = 255;
        vips_min(sharp.picture.get(), &darkest_before, nullptr);
        vips_min(soft.picture.get(), &darkest, nullptr);
        if (darkest_before > 120) continue;  // the mark was cut off
        EXPECT_GT(darkest, darkest_before + 60);
      }
    }
  }
}

TEST(BlurAreas, AreRoundedOutwardsAndCut) {
  const Plan plan = plan_of(facts(kPng, 100, 50), options_of("c:50:50:0"));
  const url::PixelOptions o;
  const auto found =
      areas_before(plan, 0, o, {},
                   {{0.101, 0.1, 0.2, 0.01}, {0.9, 0.9, 0.9, 0.9}, {0.5, 0.5, 0, 1}, {1, 1, 1, 1}});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].left, 10);
  EXPECT_EQ(found[0].width, 21);
  EXPECT_EQ(found[0].top, 5);
  EXPECT_EQ(found[0].height, 1);
  EXPECT_EQ(found[1].left, 90);
  EXPECT_EQ(found[1].width, 10);
}

double variance_of_row(VipsImage* picture, int y) {
  double deviation = 0;
  vips_deviate(part(picture, 0, y, vips_image_get_width(picture), 1).get(), &deviation, nullptr);
  return deviation;
}

TEST(ProgressiveBlur, GrowsFromNothingToTheWholeBlur) {
  const VipsImagePtr source = noise(64, 100);
  Request request = request_of(source.get());
  request.options.first().progressive_blur = {4, {0, 0.2, 0.8}};
  const Outcome out = outcome_of(request);
  EXPECT_EQ(largest_difference(part(out.picture.get(), 0, 0, 64, 20).get(),
                               part(source.get(), 0, 0, 64, 20).get()),
            0);
  request.options.first().progressive_blur = {};
  request.options.first().blur = 4;
  const Outcome whole = outcome_of(request);
  EXPECT_LE(largest_difference(part(out.picture.get(), 0, 80, 64, 20).get(),
                               part(whole.picture.get(), 0, 80, 64, 20).get()),
            1);
  double before = 1e9;
  for (const int y : {20, 30, 40, 55, 79}) {
    const double now = variance_of_row(out.picture.get(), y);
    EXPECT_LT(now, before * 1.05) << y;
    before = now;
  }
}

TEST(ProgressiveBlur, AnyDirectionAndAlpha) {
  const VipsImagePtr source = noise(50, 40, 4);
  for (const double degrees : {0.0, 33.0, 90.0, 135.5, 180.0, 270.0, 359.0}) {
    for (const auto& [start, stop] : {std::pair{0.0, 1.0}, {0.5, 0.5}, {0.9, 0.1}, {-3.0, 9.0}}) {
      SCOPED_TRACE(std::to_string(degrees) + " " + std::to_string(start));
      Request request = request_of(source.get());
      request.options.first().progressive_blur = {5, {degrees, start, stop}};
      const Outcome out = outcome_of(request);
      EXPECT_EQ(vips_image_get_bands(out.picture.get()), 4);
      EXPECT_GT(largest_difference(out.picture.get(), source.get()), 0);
    }
  }
}

TEST(Gradient, FourRowsOfWhite) {
  Request request = request_of(plain(1, 4, {255, 255, 255}).get());
  request.options.first().gradient.opacity = 1;
  const Outcome out = outcome_of(request);
  const double wanted[] = {223, 159, 96, 32};
  for (int y = 0; y < 4; ++y) EXPECT_EQ(pixel(out.picture.get(), 0, y)[0], wanted[y]) << y;
}

// Of a source of one bit a pixel: the colours that come in are kept, not the nearest of its two.
TEST(Gradient, AndBlursKeepTheirColoursWhereTheSourceHasTwo) {
  const VipsImagePtr white = plain(8, 32, {255, 255, 255});
  const VipsImagePtr two = put(white.get(), plain(8, 16, {0, 0, 0}).get(), 0, 0);
  void* bytes = nullptr;
  std::size_t size = 0;
  ASSERT_EQ(vips_pngsave_buffer(two.get(), &bytes, &size, "palette", 1, "bitdepth", 1, nullptr), 0);
  const std::string source(static_cast<const char*>(bytes), size);
  g_free(bytes);
  const auto shades_of = [&](ImageType format, auto set) {
    Request request;
    request.source = source;
    request.options.format = format;
    set(request.options.first());
    const VipsImagePtr out = outcome_of(request).picture;
    std::set<double> shades;
    for (int y = 0; y < 32; ++y) shades.insert(pixel(out.get(), 4, y)[0]);
    return shades.size();
  };
  for (const ImageType format : {kPng, kGif}) {
    SCOPED_TRACE(facts_of(format).name);
    EXPECT_EQ(shades_of(format, [](url::PixelOptions&) {}), 2u);
    EXPECT_GT(shades_of(format, [](url::PixelOptions& o) { o.gradient.opacity = 1; }), 10u);
    EXPECT_GT(shades_of(format, [](url::PixelOptions& o) { o.progressive_blur.sigma = 3; }), 6u);
    EXPECT_GT(shades_of(format,
                        [](url::PixelOptions& o) {
                          o.blur_areas.sigma = 3;
                          o.blur_areas.areas.push_back({0, 0.25, 1, 0.5});
                        }),
              6u);
  }
}

// Recorded from libvips 8.14.1, by LCh whose chroma is multiplied.
TEST(Colours, SaturationOfAnOrange) {
  const std::pair<double, std::vector<double>> cases[] = {
      {0, {128, 128, 128}}, {0.5, {170, 115, 90}}, {1, {200, 100, 50}}, {2, {248, 43, 0}}};
  for (const auto& [saturation, wanted] : cases) {
    SCOPED_TRACE(saturation);
    Request request = request_of(plain(9, 9, {200, 100, 50}).get());
    request.options.first().saturation = saturation;
    expect_pixel(outcome_of(request).picture.get(), 4, 4, wanted, 0);
  }
}

// That of libvips' grey; the default colour of monochrome is one.
TEST(Colours, TheGreyOfACornerOfTheCube) {
  const std::pair<std::vector<double>, double> cases[] = {{kRed, 124}, {kGreen, 218}, {kBlue, 89}};
  for (const auto& [colour, grey] : cases) {
    Request mono = request_of(plain(9, 9, colour).get()),
            tones = request_of(plain(9, 9, colour).get());
    mono.options.first().monochrome.intensity = 1;
    tones.options.first().duotone.intensity = 1;
    expect_pixel(outcome_of(mono).picture.get(), 4, 4, {grey, grey, grey}, 0);
    expect_pixel(outcome_of(tones).picture.get(), 4, 4, {grey, grey, grey}, 0);
  }
}

TEST(Colours, OfGreyPicturesAndAnimations) {
  Request grey = request_of(plain(30, 20, {100}).get());
  grey.options.first().colorize = {0.5, {200, 0, 0}, false};
  expect_pixel(outcome_of(grey).picture.get(), 3, 3, {150, 50, 50}, 0);
  Request moving;
  moving.source = animation(20, 10, {{0, 0, 0}, {255, 255, 255}}, ".webp[lossless]");
  moving.type = kWebp;
  moving.options.max_animation_frames = 10;
  moving.options.first().colorize = {0.5, {200, 0, 0}, false};
  moving.options.first().blur_areas = {2, {{0, 0, 1, 1}}};
  const Outcome out = outcome_of(moving, -1);
  const auto dark = pixel(out.picture.get(), 5, 5), light = pixel(out.picture.get(), 5, 15);
  EXPECT_NEAR(dark[0], 100, 8);
  EXPECT_NEAR(dark[1], 0, 8);
  EXPECT_NEAR(light[0], 228, 8);
  EXPECT_NEAR(light[1], 128, 8);
}

TEST(BackgroundAlpha, WithAResultThatHoldsNoAlpha) {
  Request request = request_of(plain(300, 300, {0, 0, 0, 0}).get());
  request.options.format = ImageType::kJpeg;
  request.options.first().background = url::Color{255, 0, 0};
  request.options.first().background_alpha = 0.5;
  request.options.first().width = 40;
  const Outcome out = outcome_of(request);
  EXPECT_FALSE(out.rendered.native) << "a way that knows no such background";
  expect_pixel(out.picture.get(), 5, 5, {255, 128, 128}, 3);
  request.options.format = kPng;
  expect_pixel(outcome_of(request).picture.get(), 5, 5, {255, 0, 0, 128}, 0);
  // It leaves the result transparent, which the choice of a format knows.
  request.options.format = kUnknown;
  EXPECT_EQ(outcome_of(request).rendered.type, kPng);
}

// What a filter is done in, also where a source has 16 bits and the result holds them.
TEST(BlurAreas, AreDoneInEightBits) {
  VipsImage *wide = nullptr, *typed = nullptr;
  ASSERT_EQ(vips_linear1(noise(40, 30).get(), &wide, 257, 0, nullptr), 0);
  const VipsImagePtr linear = checked(wide);
  VipsImage* cast = nullptr;
  ASSERT_EQ(vips_cast_ushort(linear.get(), &cast, nullptr), 0);
  const VipsImagePtr ushort = checked(cast);
  ASSERT_EQ(vips_copy(ushort.get(), &typed, "interpretation", VIPS_INTERPRETATION_RGB16, nullptr),
            0);
  Request request = request_of(checked(typed).get());
  request.options.preserve_hdr = true;
  EXPECT_EQ(vips_image_get_format(outcome_of(request).picture.get()), VIPS_FORMAT_USHORT);
  request.options.first().blur_areas = {3, {{0, 0, 0.5, 0.5}}};
  const Outcome out = outcome_of(request);
  EXPECT_EQ(vips_image_get_format(out.picture.get()), VIPS_FORMAT_UCHAR);
  EXPECT_EQ(vips_image_get_bands(out.picture.get()), 3);
}

}  // namespace
}  // namespace imgring::pipeline
