// Watermarks of paid.md section 10: by URL, fitted, turned, with a shadow, on a chessboard; and
// what planning them says.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "imgring/pipeline/estimate.h"
#include "render_helpers.h"

namespace imgring::pipeline {
namespace {

using namespace testing;
using enum ImageType;
using url::GravityType;

const std::vector<double> kMarkRed{255, 0, 0}, kSeaBlue{0, 0, 255};

Request blue_sea(int width = 200, int height = 100) {
  Request request;
  request.source = encoded(plain(width, height, kSeaBlue).get(), ".png");
  request.options.format = kPng;
  request.options.first().watermark.opacity = 1;
  return request;
}

// What a URL named, as the service hands it on.
Result<RenderedImage> run_fetched(const Request& request, std::vector<AuxImage> images) {
  std::vector<const AuxImage*> marks;
  for (AuxImage& image : images) {
    if (image.type != kUnknown) measure(&image);
    marks.push_back(image.type != kUnknown ? &image : nullptr);
  }
  RenderJob job;
  job.source = as_bytes(request.source);
  job.source_type = request.type;
  job.options = &request.options;
  job.config = &request.config;
  if (request.watermark.type != kUnknown) job.watermark = &request.watermark;
  job.fetched_marks = marks;
  return render(job, *request.stop);
}

VipsImagePtr seen(const Result<RenderedImage>& rendered) {
  EXPECT_TRUE(rendered.has_value()) << rendered.error().detail;
  if (!rendered) std::abort();
  auto loaded = image::load(rendered->bytes.span(), rendered->type, {});
  EXPECT_TRUE(loaded.has_value());
  return VipsImagePtr(vips_image_copy_memory(loaded->get()));
}

AuxImage aux(VipsImage* picture, const char* suffix = ".png", ImageType type = kPng) {
  AuxImage image;
  image.bytes = encoded(picture, suffix);
  image.type = type;
  return image;
}

TEST(Marks, OfAUrlAreTheConfiguredOneByteForByte) {
  const AuxImage mark = aux(quarters(40, 20).get());
  for (const char* position : {"corner", "tiles"}) {
    Request configured = blue_sea();
    configured.watermark = mark;
    url::Watermark& options = configured.options.first().watermark;
    options.opacity = 0.6;
    options.position = {
        position == std::string("tiles") ? GravityType::kReplicate : GravityType::kSouthEast, 5, 5};
    const auto plain_mark = configured.run();
    Request fetched = blue_sea();
    fetched.options = configured.options;
    fetched.options.first().watermark.url = "http://a/m.png";
    const auto by_url = run_fetched(fetched, {mark});
    ASSERT_TRUE(plain_mark && by_url);
    EXPECT_EQ(std::string(as_text(plain_mark->bytes.span())),
              std::string(as_text(by_url->bytes.span())));
  }
}

// Each pipeline has its own; the configured one stands in for no other.
TEST(Marks, OfEachPipeline) {
  Request request = blue_sea();
  request.watermark = aux(plain(10, 10, {0, 255, 0}).get());
  request.options.pipelines.resize(3);
  const GravityType places[] = {GravityType::kNorthWest, GravityType::kNorth,
                                GravityType::kNorthEast};
  for (std::size_t i = 0; i < 3; ++i) {
    request.options.pipelines[i].watermark.opacity = 1;
    request.options.pipelines[i].watermark.position.type = places[i];
  }
  request.options.pipelines[0].watermark.url = "http://a/1.png";
  request.options.pipelines[2].watermark.url = "http://a/2.png";
  const VipsImagePtr picture = seen(run_fetched(
      request, {aux(plain(10, 10, kMarkRed).get()), {}, aux(plain(10, 10, {9, 9, 9}).get())}));
  expect_pixel(picture.get(), 5, 5, kMarkRed, 0);
  expect_pixel(picture.get(), 100, 5, {0, 255, 0}, 0);
  expect_pixel(picture.get(), 195, 5, {9, 9, 9}, 0);
  const auto missing = run_fetched(request, {aux(plain(10, 10, kMarkRed).get())});
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kInternal);
}

// From the first to the last column and row that are red.
struct Ink {
  int left = 1 << 20, top = 1 << 20, right = -1, bottom = -1;
  int width() const { return right - left + 1; }
  int height() const { return bottom - top + 1; }
};
// `picture`: in memory, of 8 bits.
Ink ink_of(VipsImage* picture, const std::vector<double>& ground = kSeaBlue) {
  Ink ink;
  const int width = vips_image_get_width(picture), bands = vips_image_get_bands(picture);
  const auto* at = static_cast<const std::uint8_t*>(vips_image_get_data(picture));
  for (int y = 0; y < vips_image_get_height(picture); ++y) {
    for (int x = 0; x < width; ++x, at += bands) {
      if (std::equal(ground.begin(), ground.end(), at)) continue;
      ink.left = std::min(ink.left, x);
      ink.right = std::max(ink.right, x);
      ink.top = std::min(ink.top, y);
      ink.bottom = std::max(ink.bottom, y);
    }
  }
  return ink;
}

TEST(Marks, AreFittedIntoTheirSize) {
  struct Case {
    int width, height;
    double scale;
    int wanted_width, wanted_height;
  };
  for (const Case& c : {Case{60, 0, 0, 60, 30}, Case{0, 60, 0, 120, 60}, Case{60, 60, 0, 60, 30},
                        Case{10, 0, 0, 10, 5}, Case{60, 0, 0.5, 100, 50}, Case{0, 0, 0, 40, 20}}) {
    SCOPED_TRACE(std::to_string(c.width) + ":" + std::to_string(c.height));
    Request request = blue_sea();
    request.watermark = aux(plain(40, 20, kMarkRed).get());
    url::Watermark& mark = request.options.first().watermark;
    mark.width = c.width;
    mark.height = c.height;
    mark.scale = c.scale;
    const Outcome out = outcome_of(request);
    const Ink ink = ink_of(out.picture.get());
    EXPECT_EQ(ink.width(), c.wanted_width);
    EXPECT_EQ(ink.height(), c.wanted_height);
  }
}

// A quarter turn is the mark turned before; any other has transparent corners.
TEST(Marks, AreTurned) {
  const VipsImagePtr mark = quarters(40, 20);
  for (const VipsAngle angle : {VIPS_ANGLE_D90, VIPS_ANGLE_D180, VIPS_ANGLE_D270}) {
    VipsImage* raw = nullptr;
    ASSERT_EQ(vips_rot(mark.get(), &raw, angle, nullptr), 0);
    const VipsImagePtr before = checked(raw);
    Request turned = blue_sea(), plainly = blue_sea();
    turned.watermark = aux(mark.get());
    turned.options.first().watermark.rotate = 90.0 * angle;
    plainly.watermark = aux(before.get());
    EXPECT_EQ(
        largest_difference(outcome_of(turned).picture.get(), outcome_of(plainly).picture.get()), 0);
  }
  Request request = blue_sea();
  request.watermark = aux(plain(40, 40, kMarkRed).get());
  request.options.first().watermark.rotate = 45;
  const Outcome out = outcome_of(request);
  const Ink ink = ink_of(out.picture.get());
  EXPECT_NEAR(ink.width(), 40 * std::sqrt(2), 2);
  EXPECT_NEAR(ink.height(), 40 * std::sqrt(2), 2);
  expect_pixel(out.picture.get(), 100, 50, kMarkRed, 0);
  expect_pixel(out.picture.get(), 100, 25, kMarkRed, 3);  // a corner of the diamond
  expect_pixel(out.picture.get(), 82, 32, kSeaBlue, 0);   // where the square had one
  expect_pixel(out.picture.get(), 118, 68, kSeaBlue, 0);
}

// It turns clockwise: a mark that is red on its left has it on top after a quarter.
TEST(Marks, TurnClockwise) {
  for (const double degrees : {90.0, 80.0}) {
    Request request = blue_sea(200, 200);
    request.watermark = aux(
        put(plain(100, 100, {255, 255, 255}).get(), plain(50, 100, kMarkRed).get(), 0, 0).get());
    request.options.first().watermark.rotate = degrees;
    const Outcome out = outcome_of(request);
    expect_pixel(out.picture.get(), 100, 70, kMarkRed, 2);
    expect_pixel(out.picture.get(), 100, 130, {255, 255, 255}, 2);
  }
}

TEST(Marks, CastAShadowAndStayWhereTheyAre) {
  for (const GravityType place : {GravityType::kCenter, GravityType::kNorthWest}) {
    Request request = blue_sea();
    request.source = encoded(plain(200, 100, {255, 255, 255}).get(), ".png");
    request.watermark = aux(plain(40, 20, kMarkRed).get());
    request.options.first().watermark.position = {place, 0, 0};
    const VipsImagePtr without = outcome_of(request).picture;
    request.options.first().watermark.shadow = 4;
    const VipsImagePtr with = outcome_of(request).picture;
    const Ink ink = ink_of(without.get(), {255, 255, 255});
    EXPECT_EQ(ink.width(), 40);
    for (int y = ink.top; y <= ink.bottom; ++y) {
      for (int x = ink.left; x <= ink.right; ++x) {
        expect_pixel(with.get(), x, y, kMarkRed, 0);
      }
    }
    // Under it: half as dark at the edge, less farther away, nothing beyond three sigmas.
    const double near = pixel(with.get(), ink.right + 1, ink.top + 10)[1];
    const double far = pixel(with.get(), ink.right + 5, ink.top + 10)[1];
    EXPECT_NEAR(near, 127, 25);
    EXPECT_GT(far, near + 30);
    expect_pixel(with.get(), ink.right + 13, ink.top + 10, {255, 255, 255}, 0);
    if (place == GravityType::kCenter) {
      EXPECT_EQ(pixel(with.get(), ink.left - 3, ink.top + 10),
                pixel(with.get(), ink.right + 3, ink.top + 10));
    }
  }
}

TEST(Marks, TheirShadowMayLieOutsideOfTheFrame) {
  Request request = blue_sea(20, 10);
  request.watermark = aux(plain(40, 20, kMarkRed).get());
  request.options.first().watermark.shadow = 100;
  const Outcome out = outcome_of(request);
  expect_pixel(out.picture.get(), 0, 0, kMarkRed, 0);
  expect_pixel(out.picture.get(), 19, 9, kMarkRed, 0);
}

TEST(Marks, StandOnOneColourOfAChessboard) {
  Request request = blue_sea();
  request.watermark = aux(plain(20, 10, kMarkRed).get());
  request.options.first().watermark.position = {GravityType::kChessboard, 0, 0};
  const Outcome out = outcome_of(request);
  // Squares of 20 x 10, four of which meet in the middle of the frame.
  for (int column = 0; column < 10; ++column) {
    for (int row = 0; row < 10; ++row) {
      const bool there = (column + row) % 2 == 0;
      for (const auto& [x, y] : {std::pair{0, 0}, {19, 9}, {10, 5}}) {
        expect_pixel(out.picture.get(), column * 20 + x, row * 10 + y, there ? kMarkRed : kSeaBlue,
                     0);
      }
    }
  }
  // Half of them are there, with space between them, too.
  request.options.first().watermark.position = {GravityType::kChessboard, 20, 10};
  const Outcome spaced = outcome_of(request);
  expect_pixel(spaced.picture.get(), 80, 40, kMarkRed, 0);
  expect_pixel(spaced.picture.get(), 120, 60, kMarkRed, 0);
  expect_pixel(spaced.picture.get(), 120, 40, kSeaBlue, 0);
  expect_pixel(spaced.picture.get(), 100, 50, kSeaBlue, 0);
}

TEST(Marks, OnAChessboardLargerThanTheFrame) {
  Request request = blue_sea(50, 30);
  request.watermark = aux(plain(400, 300, kMarkRed).get());
  request.options.first().watermark.position = {GravityType::kChessboard, 0, 0};
  const Outcome out = outcome_of(request);
  expect_pixel(out.picture.get(), 0, 0, kMarkRed, 0);
  expect_pixel(out.picture.get(), 49, 29, kMarkRed, 0);
  expect_pixel(out.picture.get(), 49, 0, kSeaBlue, 0);
  expect_pixel(out.picture.get(), 0, 29, kSeaBlue, 0);
}

TEST(Marks, WithAllOfItOnEveryFrame) {
  Request request;
  request.source = animation(60, 40, {{0, 0, 255}, {0, 255, 0}, {0, 0, 0}});
  request.type = kGif;
  request.options.format = kWebp;
  request.options.max_animation_frames = 10;
  request.watermark = aux(plain(10, 10, {255, 255, 255}).get());
  url::Watermark& mark = request.options.first().watermark;
  mark = {.opacity = 1, .position = {GravityType::kChessboard, 0, 0}};
  mark.rotate = 30;
  mark.shadow = 1;
  const Outcome out = outcome_of(request, -1);
  for (int frame = 0; frame < 3; ++frame) {
    // One of the tiles whose corners meet in the middle.
    int white = 0;
    for (int x = 0; x < 60; ++x) {
      for (int y = 0; y < 40; ++y) white += pixel(out.picture.get(), x, frame * 40 + y)[0] > 200;
    }
    EXPECT_GT(white, 60) << frame;
    EXPECT_LT(white, 60 * 40 / 2) << frame;
  }
}

// Whole, these would take terabytes: a limit with a name, or only what is seen is made.
TEST(Marks, OfAnySizeAreRefusedOrCut) {
  Request request = blue_sea();
  request.watermark = aux(plain(40, 20, kMarkRed).get());
  url::Watermark& mark = request.options.first().watermark;
  mark.width = 2'000'000'000;
  mark.height = 2'000'000'000;
  const Outcome out = outcome_of(request);
  expect_pixel(out.picture.get(), 10, 10, kMarkRed, 0);
  for (const double rotate : {45.0, 90.0}) {
    mark.rotate = rotate;
    const auto refused = request.run();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::kResolutionTooLarge);
    EXPECT_NE(refused.error().detail.find("MAX_SRC_RESOLUTION"), std::string::npos);
  }
  mark.rotate = 0;
  mark.shadow = 3;
  EXPECT_FALSE(request.run().has_value());
}

TEST(Marks, BrokenOnesAreNeverLeftOut) {
  for (const double rotate : {0.0, 10.0}) {
    Request request = blue_sea();
    request.options.first().watermark.url = "http://a/m.png";
    request.options.first().watermark.rotate = rotate;
    AuxImage broken = aux(quarters(300, 300).get());
    broken.bytes.resize(20);
    EXPECT_FALSE(run_fetched(request, {broken}).has_value());
  }
  Request request = blue_sea();
  request.options.max_src_resolution = 30'000;
  request.options.first().watermark.url = "http://a/m.png";
  const auto large = run_fetched(request, {aux(plain(400, 400, kMarkRed).get())});
  ASSERT_FALSE(large.has_value());
  EXPECT_EQ(large.error().code, ErrorCode::kResolutionTooLarge);
}

Estimate estimate_of(const Request& request, const AuxImage& mark) {
  const AuxImage* marks[] = {&mark};
  RenderJob job;
  job.source = as_bytes(request.source);
  job.source_type = request.type;
  job.options = &request.options;
  job.config = &request.config;
  job.fetched_marks = marks;
  return estimate(job, read_facts(job.source, job.source_type, 1));
}

TEST(Marks, ArePlanned) {
  Request request = blue_sea();
  AuxImage mark = aux(quarters(400, 300).get(), ".jpg", kJpeg);
  measure(&mark);
  EXPECT_EQ(mark.width, 400);
  EXPECT_EQ(mark.height, 300);
  EXPECT_GT(mark.decode_ns, 0);
  request.options.first().watermark.url = "http://a/m.jpg";
  const Estimate cut = estimate_of(request, mark);
  request.options.first().watermark.rotate = 10;
  const Estimate whole = estimate_of(request, mark);
  EXPECT_GE(whole.bytes - cut.bytes, 400 * 300 * 4);
  EXPECT_GT(whole.work.steps, cut.work.steps);
  EXPECT_FALSE(whole.drawn);
  request.options.first().watermark.width = 800;
  EXPECT_GE(estimate_of(request, mark).bytes - cut.bytes, 800 * 600 * 4);
  request.options.first().watermark.shadow = 100;
  EXPECT_GE(estimate_of(request, mark).bytes - whole.bytes, 800 * 700 * 4);
  // A text: its child, and a megapixel.
  request.options.first().watermark = {.opacity = 1};
  request.options.first().watermark.text = "Hello";
  EXPECT_GE(estimate_of(request, mark).bytes, (32 << 20) + 4'000'000);
  EXPECT_TRUE(estimate_of(request, mark).drawn);
  // No opacity, no mark.
  request.options.first().watermark.opacity = 0;
  EXPECT_LT(estimate_of(request, mark).bytes, cut.bytes);
}

TEST(Marks, OfAVectorAreDrawnAtTheirSize) {
  const std::string svg =
      "<svg xmlns='http://www.w3.org/2000/svg' width='4' height='2'><rect width='4' height='2' "
      "fill='#f00'/></svg>";
  for (const double rotate : {0.0, 90.0}) {
    Request request = blue_sea();
    request.options.first().watermark.url = "http://a/m.svg";
    request.options.first().watermark.width = 60;
    request.options.first().watermark.rotate = rotate;
    AuxImage mark;
    mark.bytes = svg;
    mark.type = kSvg;
    const Ink ink = ink_of(seen(run_fetched(request, {mark})).get());
    EXPECT_EQ(ink.width(), rotate == 0 ? 60 : 30);
    EXPECT_EQ(ink.height(), rotate == 0 ? 30 : 60);
  }
}

// Texts, in the size of 16 pixels that "sans 16" has at 72 dots per inch.
TEST(MarkTexts, AreInkWhereTheMarkLies) {
  Request request = blue_sea();
  url::Watermark& mark = request.options.first().watermark;
  mark.text = "<span color=\"#ff0000\">Hello</span>";
  const Ink natural = ink_of(outcome_of(request).picture.get());
  EXPECT_GT(natural.width(), 25);
  EXPECT_LT(natural.width(), 60);
  EXPECT_GT(natural.height(), 9);
  EXPECT_LT(natural.height(), 20);
  const Outcome red = outcome_of(request);
  bool full = false;
  for (int x = natural.left; x <= natural.right; ++x) {
    full = full || pixel(red.picture.get(), x, natural.top + natural.height() / 2)[0] > 200;
  }
  EXPECT_TRUE(full);
  // Anew at the size that is wanted, and no larger.
  mark.width = 150;
  const Ink large = ink_of(outcome_of(request).picture.get());
  EXPECT_NEAR(large.width(), 150, 2);
  mark.width = 0;
  mark.scale = 0.1;
  const Ink small = ink_of(outcome_of(request).picture.get());
  EXPECT_LE(small.width(), 20);
  EXPECT_LE(small.height(), 11);
  // It wins over pictures, and is black.
  mark.scale = 0;
  mark.text = "I";
  mark.url = "http://a/m.png";
  request.watermark = aux(plain(200, 100, kMarkRed).get());
  const Outcome black = outcome_of(request);
  expect_pixel(black.picture.get(), 10, 10, kSeaBlue, 0);
  EXPECT_LT(pixel(black.picture.get(), 100, 50)[2], 128);
}

// The ink of 16 pixels, as libvips draws it with that font; a release of FreeType may move an edge.
TEST(MarkTexts, OfDejaVuAreOfAKnownSize) {
  if (!std::filesystem::exists("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")) {
    GTEST_SKIP() << "fonts-dejavu-core is not installed";
  }
  Request request = blue_sea();
  request.options.first().watermark.text = "<span face=\"DejaVu Sans\">Hello</span>";
  const Ink ink = ink_of(outcome_of(request).picture.get());
  EXPECT_NEAR(ink.width(), 38, 1);
  EXPECT_NEAR(ink.height(), 12, 1);
}

TEST(MarkTexts, AreTurnedShadedAndTiled) {
  for (const GravityType place :
       {GravityType::kReplicate, GravityType::kChessboard, GravityType::kNorthWest}) {
    Request request = blue_sea();
    url::Watermark& mark = request.options.first().watermark;
    mark.text = "Hello";
    mark.position.type = place;
    mark.rotate = 90;
    mark.shadow = 1;
    const Ink ink = ink_of(outcome_of(request).picture.get());
    if (place == GravityType::kNorthWest) {
      EXPECT_GT(ink.height(), ink.width() + 5);
      EXPECT_EQ(ink.left, 0);
    } else {
      EXPECT_GT(ink.width(), 150);
    }
  }
}

TEST(MarkTexts, WithoutInkAreNoMark) {
  Request request = blue_sea();
  for (const char* text : {" ", "\n\n", "<b></b>"}) {
    request.options.first().watermark.text = text;
    const Outcome out = outcome_of(request);
    EXPECT_EQ(ink_of(out.picture.get()).width(), -(1 << 20)) << text;
  }
}

TEST(MarkTexts, OfBadMarkupAndTooLargeAreRefused) {
  for (const char* text : {"<b>", "a & b", "<nosuch>a</nosuch>", "<b>a</i>", "</b>"}) {
    Request request = blue_sea();
    request.options.first().watermark.text = text;
    const auto refused = request.run();
    ASSERT_FALSE(refused.has_value()) << text;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidUrl) << refused.error().detail;
  }
  Request request = blue_sea();
  url::Watermark& mark = request.options.first().watermark;
  mark.text = "<span size=\"1000000\">Hello</span>";
  const auto large = request.run();
  ASSERT_FALSE(large.has_value());
  EXPECT_EQ(large.error().code, ErrorCode::kResolutionTooLarge) << large.error().detail;
  mark.text = "Hello";
  mark.width = 1'000'000;
  EXPECT_FALSE(request.run().has_value());
  // Entities and line breaks are markup, too.
  mark.width = 0;
  mark.text = "a &amp; b\nc";
  EXPECT_GT(ink_of(outcome_of(request).picture.get()).height(), 20);
}

}  // namespace
}  // namespace imgring::pipeline
