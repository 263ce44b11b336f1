// Pages of TIFF, GIF, WebP and HEIC in a still result: src/pipeline/pages.cc.
#include "../../../src/pipeline/pages.h"

#include "imgring/format/headers.h"
#include "imgring/pipeline/estimate.h"
#include "plan_helpers.h"
#include "render_helpers.h"

namespace imgring::pipeline {
namespace {

using namespace testing;
using enum ImageType;

Request frames_request(std::string_view path, ImageType type = kGif) {
  Request request;
  request.source =
      animation(60, 40, {kRed, kGreen, kBlue}, type == kGif ? ".gif" : ".webp[lossless]");
  request.type = type;
  request.options = options_of(path);
  request.options.format = kPng;
  return request;
}

std::string put_le(std::uint32_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

struct Page {
  std::uint32_t width, height;
  std::vector<std::uint8_t> colour;  // 1, 3 or 4 samples
};

// A TIFF of whole strips, each page behind the other.
std::string tiff_of(const std::vector<Page>& pages) {
  constexpr std::uint32_t kFields = 10, kDirectoryBytes = 2 + kFields * 12 + 4;
  std::string out = "II*" + std::string(1, '\0') + put_le(8, 4);
  for (std::size_t i = 0; i < pages.size(); ++i) {
    const Page& page = pages[i];
    const auto samples = static_cast<std::uint32_t>(page.colour.size());
    const std::uint32_t size = page.width * page.height * samples;
    const auto begin = static_cast<std::uint32_t>(out.size());
    const std::uint32_t bits_at = begin + kDirectoryBytes, pixels_at = bits_at + 8;
    const auto field = [&](std::uint32_t tag, std::uint32_t type, std::uint32_t count,
                           std::uint32_t value) {
      return put_le(tag, 2) + put_le(type, 2) + put_le(count, 4) + put_le(value, 4);
    };
    out += put_le(kFields, 2) + field(256, 4, 1, page.width) + field(257, 4, 1, page.height);
    out += samples == 1 ? field(258, 3, 1, 8) : field(258, 3, samples, bits_at);
    out += field(259, 3, 1, 1) + field(262, 3, 1, samples == 1 ? 1 : 2);
    out += field(273, 4, 1, pixels_at) + field(277, 3, 1, samples) + field(278, 4, 1, page.height);
    out += field(279, 4, 1, size) + field(338, 3, samples == 4 ? 1 : 0, 2);
    const bool last = i + 1 == pages.size();
    out += put_le(last ? 0 : pixels_at + size, 4) + put_le(8, 2) + put_le(8, 2) + put_le(8, 2) +
           put_le(8, 2);
    for (std::uint32_t p = 0; p < page.width * page.height; ++p) {
      out.append(page.colour.begin(), page.colour.end());
    }
  }
  return out;
}

Request tiff_request(const std::vector<Page>& pages, std::string_view path) {
  Request request;
  request.source = tiff_of(pages);
  request.type = kTiff;
  request.options = options_of(path);
  request.options.format = kPng;
  return request;
}

Size size_of_result(const Outcome& out) {
  return {out.rendered.result_width, out.rendered.result_height};
}

TEST(Pages, OneOfAnAnimation) {
  struct Case {
    std::string_view path;
    std::vector<double> colour;
  };
  const Case cases[] = {
      {"page:0", kRed}, {"pg:1", kGreen}, {"pg:2", kBlue}, {"pg:999999999", kBlue}};
  for (const ImageType type : {kGif, kWebp}) {
    for (const Case& c : cases) {
      SCOPED_TRACE(std::string(facts_of(type).name) + " " + std::string(c.path));
      Request request = frames_request(std::string(c.path) + "/w:30", type);
      const Outcome out = outcome_of(request);
      EXPECT_EQ(size_of_result(out), (Size{30, 20}));
      EXPECT_EQ(out.rendered.origin_height, 40);
      expect_pixel(out.picture.get(), 10, 10, c.colour);
    }
  }
}

TEST(Pages, SeveralLieOneBelowTheOther) {
  for (const ImageType type : {kGif, kWebp}) {
    SCOPED_TRACE(facts_of(type).name);
    // A GIF's frames have an alpha, which a palette would leave out where it shows nothing.
    const auto shown = [type](std::vector<double> colour) {
      if (type == kGif) colour.push_back(255);
      return colour;
    };
    Request request = frames_request("pg:1/pgs:5", type);
    const Outcome out = outcome_of(request);
    EXPECT_EQ(size_of_result(out), (Size{60, 80})) << "cut at the end";
    EXPECT_EQ(out.rendered.origin_height, 80);
    expect_pixel(out.picture.get(), 30, 20, shown(kGreen));
    expect_pixel(out.picture.get(), 30, 60, shown(kBlue));
    Request smaller = frames_request("pages:2/w:30", type);
    const Outcome small = outcome_of(smaller);
    EXPECT_EQ(size_of_result(small), (Size{30, 40}));
    // Each frame's palette is its own, the stack has none.
    request.options.format = kPng;
    const Outcome png = outcome_of(request);
    EXPECT_EQ(vips_image_get_typeof(png.picture.get(), "palette-bit-depth"), 0u);
    expect_pixel(small.picture.get(), 15, 10, shown(kRed));
    expect_pixel(small.picture.get(), 15, 30, shown(kGreen));
  }
}

TEST(Pages, AnAnimatedResultHasAllFrames) {
  Request request = frames_request("pg:1/pgs:2");
  request.options.max_animation_frames = 10;
  request.options.format = kWebp;
  EXPECT_EQ(vips_image_get_n_pages(outcome_of(request, -1).picture.get()), 3);
  request.options.format = kPng;
  const Outcome still = outcome_of(request);
  EXPECT_EQ(still.rendered.result_height, 80) << "no animation in a PNG";
}

TEST(Pages, DisableAnimationMakesAStillResult) {
  Request request = frames_request("disable_animation:1");
  request.options.max_animation_frames = 10;
  request.options.format = kGif;
  const Outcome first = outcome_of(request, -1);
  EXPECT_EQ(size_of_result(first), (Size{60, 40}));
  EXPECT_EQ(vips_image_get_n_pages(first.picture.get()), 1);
  Request second = frames_request("da:1/pg:1");
  second.options.max_animation_frames = 10;
  second.options.format = kWebp;
  expect_pixel(outcome_of(second).picture.get(), 30, 20, kGreen);
}

TEST(Pages, OfATiffAreOpenedByTheirNumber) {
  const std::vector<Page> pages = {{40, 20, {255, 0, 0}}, {40, 20, {0, 255, 0}}};
  Request second = tiff_request(pages, "pg:1");
  expect_pixel(outcome_of(second).picture.get(), 5, 5, kGreen, 0);
  Request both = tiff_request(pages, "pgs:2");
  const Outcome out = outcome_of(both);
  EXPECT_EQ(size_of_result(out), (Size{40, 40}));
  expect_pixel(out.picture.get(), 5, 5, kRed, 0);
  expect_pixel(out.picture.get(), 5, 25, kGreen, 0);
}

// Of other sizes and kinds: left aligned, what is free is white, or clear where there is alpha.
TEST(Pages, ThatDifferAreJoined) {
  Request opaque =
      tiff_request({{40, 20, {255, 0, 0}}, {20, 30, {0, 255, 0}}, {10, 10, {128}}}, "pgs:3");
  const Outcome flat = outcome_of(opaque);
  EXPECT_EQ(size_of_result(flat), (Size{40, 60}));
  expect_pixel(flat.picture.get(), 30, 10, kRed, 1);
  expect_pixel(flat.picture.get(), 10, 40, kGreen, 1);
  expect_pixel(flat.picture.get(), 30, 40, {255, 255, 255}, 1);
  expect_pixel(flat.picture.get(), 5, 55, {128, 128, 128}, 1);
  Request clear = tiff_request({{40, 20, {255, 0, 0, 255}}, {20, 30, {0, 255, 0}}}, "pgs:2");
  const Outcome alpha = outcome_of(clear);
  EXPECT_EQ(pixel(alpha.picture.get(), 30, 40)[3], 0);
  EXPECT_EQ(pixel(alpha.picture.get(), 10, 40)[3], 255);
}

TEST(Pages, ThatDifferAreCounted) {
  std::vector<Page> pages(101, Page{2, 2, {0, 0, 0}});
  pages.back().height = 3;
  Request many = tiff_request(pages, "pgs:101");
  const auto refused = many.run();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().status(), 422);
  EXPECT_NE(refused.error().detail.find("100"), std::string::npos);
  many.options.pages = 100;
  EXPECT_TRUE(many.run().has_value());
}

TEST(Pages, AreCountedAgainstTheLimits) {
  Request request = frames_request("pgs:2");
  request.options.max_src_resolution = 60 * 40 * 2;
  EXPECT_TRUE(request.run().has_value());
  request.options.pages = 3;
  const auto sum = request.run();
  ASSERT_FALSE(sum.has_value());
  EXPECT_EQ(sum.error().code, ErrorCode::kResolutionTooLarge);
  // Frames before it are decoded, too.
  Request behind;
  const std::vector<std::vector<double>> frames(8, kRed);
  std::vector<std::vector<double>> unlike = frames;
  for (std::size_t i = 0; i < unlike.size(); ++i) unlike[i][1] = static_cast<double>(i * 30);
  behind.source = animation(60, 40, unlike);
  behind.type = kGif;
  behind.options = options_of("pg:4");
  behind.options.max_src_resolution = 60 * 40;
  EXPECT_TRUE(behind.run().has_value());
  behind.options.page = 5;
  const auto far = behind.run();
  ASSERT_FALSE(far.has_value());
  EXPECT_EQ(far.error().code, ErrorCode::kResolutionTooLarge);
  EXPECT_NE(far.error().detail.find("page 5"), std::string::npos);
}

TEST(Pages, HeadersTellHowManyATiffHas) {
  const std::string three = tiff_of({{4, 4, {0}}, {4, 4, {1}}, {4, 4, {2}}});
  EXPECT_EQ(format::facts_of_header(as_bytes(three), kTiff, 1)->pages, 1);
  EXPECT_EQ(format::facts_of_header(as_bytes(three), kTiff, 2)->pages, 2);
  EXPECT_EQ(format::facts_of_header(as_bytes(three), kTiff, 1 << 30)->pages, 3);
  EXPECT_FALSE(format::facts_of_header(as_bytes(three), kTiff, 3)->animated);
  // A directory that follows itself.
  std::string endless = tiff_of({{4, 4, {0}}});
  endless.replace(8 + 2 + 10 * 12, 4, put_le(8, 4));
  const auto facts = format::facts_of_header(as_bytes(endless), kTiff, 1 << 30);
  ASSERT_TRUE(facts.has_value());
  EXPECT_GT(facts->pages, 1000);
}

TEST(Pages, EstimatesCountWhatIsStackedAndSkipped) {
  const auto estimated = [](const Request& request) {
    RenderJob job;
    job.source = as_bytes(request.source);
    job.source_type = request.type;
    job.options = &request.options;
    job.config = &request.config;
    return estimate(job, read_facts(job.source, request.type, request.options.pages_max()));
  };
  Request one = frames_request("pg:0"), third = frames_request("pg:2"),
          three = frames_request("pgs:3");
  EXPECT_GT(estimated(third).work.decode, estimated(one).work.decode);
  EXPECT_GT(estimated(three).certain_bytes, estimated(one).certain_bytes * 2);
  const std::vector<Page> pages(3, Page{400, 300, {1, 2, 3}});
  Request first = tiff_request(pages, ""), all = tiff_request(pages, "pgs:3");
  EXPECT_GT(estimated(all).bytes, estimated(first).bytes * 2);
}

}  // namespace
}  // namespace imgring::pipeline
