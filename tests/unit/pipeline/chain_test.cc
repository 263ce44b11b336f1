// Chained pipelines: each is given what the one before it left (docs/spec/paid.md section 3).
#include <atomic>
#include <chrono>
#include <thread>

#include "imgring/base/sanitized.h"
#include "imgring/pipeline/estimate.h"
#include "plan_helpers.h"
#include "render_helpers.h"

namespace imgring::pipeline {
namespace {

using namespace testing;
using enum ImageType;

// Colours that change from pixel to pixel, with alpha.
VipsImagePtr picture(int width, int height) {
  VipsImage* coordinates = nullptr;
  vips_xyz(&coordinates, width, height, nullptr);
  const VipsImagePtr xy = checked(coordinates);
  VipsImage* scaled = nullptr;
  const double factors[] = {1.5, 2}, nothing[] = {10, 20};
  vips_linear(xy.get(), &scaled, factors, nothing, 2, "uchar", TRUE, nullptr);
  const VipsImagePtr two = checked(scaled);
  VipsImage* four[] = {two.get(), two.get()};
  VipsImage* joined = nullptr;
  vips_bandjoin(four, &joined, 2, nullptr);
  const VipsImagePtr all = checked(joined);
  return as_srgb(all.get());
}

url::RequestOptions chain_of(const std::vector<url::PixelOptions>& pipelines) {
  url::RequestOptions options;
  options.format = kPng;
  options.pipelines = pipelines;
  return options;
}

std::vector<url::PixelOptions> kinds() {
  std::vector<url::PixelOptions> all;
  for (const std::string_view path :
       {"", "w:70", "rt:fill/w:50/h:40", "rt:force/w:90/h:33", "rot:90", "c:60:50", "pd:3:4:5:6",
        "w:40/h:90/ex:1", "w:120/el:1", "z:0.5:0.8", "dpr:0.5", "rot:270/c:30:40/w:25"}) {
    all.push_back(options_of(path).first());
  }
  url::PixelOptions filtered;
  filtered.blur = 2;
  filtered.duotone = {0.5, {10, 0, 0}, {0, 200, 255}};
  all.push_back(filtered);
  url::PixelOptions flat;
  flat.background = url::Color{9, 200, 30};
  flat.gradient = {0.7, {255, 0, 0}, {45, 0, 1}};
  all.push_back(flat);
  url::PixelOptions trimmed;
  trimmed.trim.on = true;
  trimmed.trim.threshold = 40;
  all.push_back(trimmed);
  url::PixelOptions areas;
  areas.width = 60;
  areas.blur_areas = {3, {{0.2, 0.2, 0.5, 0.4}}};
  areas.unsharp.mode = config::UnsharpMode::kAuto;
  all.push_back(areas);
  return all;
}

// A/-/B is B of the PNG that A made.
TEST(Chain, IsOnePipelineBehindTheOther) {
  const std::string source = encoded(picture(100, 80).get(), ".png");
  const auto all = kinds();
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < all.size(); ++j) {
      if (kSanitized && (i + j) % 3 != 0) continue;  // each kind still stands first and second
      SCOPED_TRACE(std::to_string(i) + " " + std::to_string(j));
      Request first;
      first.source = source;
      first.options = chain_of({all[i]});
      const RenderedImage between = std::move(outcome_of(first).rendered);
      Request second;
      second.source = std::string(as_text(between.bytes.span()));
      second.options = chain_of({all[j]});
      const Outcome wanted = outcome_of(second);
      Request both;
      both.source = source;
      both.options = chain_of({all[i], all[j]});
      const Outcome got = outcome_of(both);
      ASSERT_EQ(got.rendered.result_width, wanted.rendered.result_width);
      ASSERT_EQ(got.rendered.result_height, wanted.rendered.result_height);
      ASSERT_EQ(vips_image_get_bands(got.picture.get()),
                vips_image_get_bands(wanted.picture.get()));
      EXPECT_EQ(largest_difference(got.picture.get(), wanted.picture.get()), 0);
    }
  }
}

TEST(Chain, ThePlanForetellsTheSizes) {
  const auto all = kinds();
  const std::string source = encoded(picture(100, 80).get(), ".png");
  SourceFacts f = facts(kPng, 100, 80);
  f.alpha = true;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].trim.on) continue;
    for (std::size_t j = 0; j < all.size(); ++j) {
      if (all[j].trim.on) continue;
      SCOPED_TRACE(std::to_string(i) + " " + std::to_string(j));
      Request request;
      request.source = source;
      request.options = chain_of({all[i], all[j], all[1]});
      const Plan plan = plan_of(f, request.options);
      ASSERT_EQ(plan.later.size(), 2u);
      const Outcome got = outcome_of(request);
      EXPECT_EQ(plan.final_size(), (Size{got.rendered.result_width, got.rendered.result_height}));
    }
  }
}

TEST(Chain, EmptyPipelinesChangeNothing) {
  const std::string source = encoded(picture(120, 100).get(), ".png");
  Request plain_request;
  plain_request.source = source;
  plain_request.options = chain_of({options_of("w:70").first()});
  const Outcome plain_outcome = outcome_of(plain_request);
  Request chained = std::move(plain_request);
  chained.options = chain_of({{}, options_of("w:70").first(), {}, {}});
  const Outcome got = outcome_of(chained);
  EXPECT_EQ(largest_difference(got.picture.get(), plain_outcome.picture.get()), 0);
}

// What a metadata's turn did is done, and gone.
TEST(Chain, TurnsOnce) {
  VipsImage* own = nullptr;
  vips_copy(picture(100, 80).get(), &own, nullptr);
  const VipsImagePtr turned = checked(own);
  vips_image_set_int(turned.get(), VIPS_META_ORIENTATION, 6);
  Request request;
  request.source = encoded(turned.get(), ".tif");
  request.type = kTiff;
  request.options = chain_of({{}, options_of("c:50:60").first(), {}});
  const Outcome out = outcome_of(request);
  EXPECT_EQ(out.rendered.result_width, 50);
  EXPECT_EQ(out.rendered.result_height, 60);
  EXPECT_EQ(out.rendered.origin_width, 80);
}

TEST(Chain, TwoWatermarks) {
  Request request;
  request.source = encoded(plain(200, 100, {0, 0, 255}).get(), ".png");
  request.watermark.bytes = encoded(plain(20, 10, {255, 0, 0}).get(), ".png");
  request.watermark.type = kPng;
  url::PixelOptions left, right;
  left.watermark = {1, {url::GravityType::kNorthWest, 0, 0}, 0};
  right.watermark = {1, {url::GravityType::kSouthEast, 0, 0}, 0};
  request.options = chain_of({left, right});
  const Outcome out = outcome_of(request);
  expect_pixel(out.picture.get(), 3, 3, {255, 0, 0}, 0);
  expect_pixel(out.picture.get(), 196, 96, {255, 0, 0}, 0);
  expect_pixel(out.picture.get(), 100, 50, {0, 0, 255}, 0);
}

// What libvips holds at most while `work` runs, looked at every 100 us.
template <class Work>
double tracked_peak(const Work& work) {
  std::atomic<bool> over{false};
  std::size_t most = 0;
  const std::size_t before = vips_tracked_get_mem();
  std::thread watch([&] {
    while (!over.load()) {
      most = std::max(most, vips_tracked_get_mem());
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  });
  work();
  over = true;
  watch.join();
  return most > before ? static_cast<double>(most - before) : 0;
}

// A mark goes when its pipeline is done: eight of them take no more than two.
TEST(Chain, MarksOfAStillPictureGoWithTheirPipeline) {
  constexpr int kSide = 700;
  Request request;
  request.source = encoded(plain(kSide, kSide, {0, 0, 255}).get(), ".png");
  request.watermark.bytes = encoded(plain(kSide, kSide, {255, 0, 0, 9}).get(), ".png");
  request.watermark.type = kPng;
  url::PixelOptions marked;
  marked.watermark.opacity = 1;
  const auto peak = [&](std::size_t count) {
    request.options = chain_of(std::vector<url::PixelOptions>(count, marked));
    return tracked_peak([&] { EXPECT_TRUE(request.run().has_value()); });
  };
  constexpr double kMarkBytes = 4.0 * kSide * kSide;
  peak(2);
  // Who watches on a busy machine may miss it.
  const double of_two = std::max({peak(2), peak(2), peak(2)});
  EXPECT_GT(of_two, kMarkBytes);
  EXPECT_LT(peak(8) - of_two, 2 * kMarkBytes);
}

TEST(Chain, OnlyTheLastPipelineKnowsTheFormat) {
  Request request;
  request.source = encoded(plain(40, 30, {0, 0, 0, 0}).get(), ".png");
  url::PixelOptions padded, green;
  padded.padding = {5, 5, 5, 5};
  green.background = url::Color{0, 255, 0};
  request.options = chain_of({padded, green});
  request.options.format = ImageType::kJpeg;
  expect_pixel(outcome_of(request).picture.get(), 1, 1, {0, 255, 0}, 3);
  // A background in any of them ends the transparency before it.
  request.options.format = kUnknown;
  request.config.preferred_formats = {ImageType::kJpeg, kWebp};
  EXPECT_EQ(outcome_of(request).rendered.type, ImageType::kJpeg);
  std::swap(request.options.pipelines[0], request.options.pipelines[1]);
  EXPECT_EQ(outcome_of(request).rendered.type, kWebp);
}

// Admission plans a trim as if nothing were cut; a narrow bar of the same width is 20 times as
// high.
TEST(Chain, ATrimBehindTheFirstPipelineAsksForItsBytes) {
  VipsImage* made = nullptr;
  ASSERT_EQ(vips_black(&made, 200, 200, "bands", 3, nullptr), 0);
  const VipsImagePtr black = checked(made);
  const VipsImagePtr bar(vips_image_copy_memory(black.get()));
  double white[] = {255, 255, 255};
  ASSERT_EQ(vips_draw_rect(bar.get(), white, 3, 95, 0, 10, 200, "fill", TRUE, nullptr), 0);
  const std::string source = encoded(as_srgb(bar.get()).get(), ".png");
  url::PixelOptions trimmed = options_of("w:500/el:1").first();
  trimmed.trim.on = true;
  trimmed.trim.threshold = 10;
  const url::RequestOptions options = chain_of({{}, trimmed, options_of("rot:90").first()});
  const config::ProcessingConfig config;
  RenderJob job;
  job.source = as_bytes(source);
  job.source_type = kPng;
  job.options = &options;
  job.config = &config;
  std::vector<std::int64_t> asked;
  job.more_memory = [&asked](const PlannedBytes& real) -> Result<void> {
    asked.push_back(real.planned);
    return {};
  };
  job.memory_bytes = 1;
  ASSERT_TRUE(render(job, image::StopFlag()).has_value());
  constexpr std::int64_t kCopyForTheTurn = 500 * 10000 * 3;
  ASSERT_GE(asked.size(), 2U);
  EXPECT_LT(asked.front(), kCopyForTheTurn);
  EXPECT_GE(asked.back(), kCopyForTheTurn);
}

TEST(Chain, OfAnAnimation) {
  Request request;
  request.source = animation(60, 40, {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}});
  request.type = kGif;
  request.options = chain_of({options_of("w:30").first(), options_of("pd:2:2:2:2/rot:90").first()});
  request.options.format = kGif;
  request.options.max_animation_frames = 10;
  const Outcome out = outcome_of(request, -1);
  EXPECT_EQ(out.rendered.result_width, 24);
  EXPECT_EQ(out.rendered.result_height, 34);
  ASSERT_EQ(vips_image_get_height(out.picture.get()), 34 * 3);
  const auto middle = pixel(out.picture.get(), 12, 34 + 17);
  EXPECT_NEAR(middle[1], 255, 12);
}

TEST(Chain, EstimatesAndLimitsAreOfAllPipelines) {
  const SourceFacts f = facts(kPng, 1000, 800);
  const url::PixelOptions small = options_of("w:100").first();
  url::PixelOptions blurred;
  blurred.blur = 5;
  const auto bytes = [&f](const std::vector<url::PixelOptions>& pipelines) {
    return plan_of(f, chain_of(pipelines)).certain_bytes;
  };
  EXPECT_EQ(bytes({{}, blurred, small}), bytes({{}, small}) + 1000 * 800 * 4)
      << "two copies instead of one";
  EXPECT_LT(bytes({small, blurred}), 1000 * 800 * 4);
  const auto work = [&f](const std::vector<url::PixelOptions>& pipelines) {
    static const config::ProcessingConfig config;
    const url::RequestOptions options = chain_of(pipelines);
    PlanInput in;
    in.facts = f;
    in.options = &options;
    in.config = &config;
    in.result_type = kPng;
    return planned_work(make_plan(in), in);
  };
  EXPECT_GT(work({small, blurred, blurred}).steps, work({small, blurred}).steps);
  EXPECT_EQ(work({small, options_of("w:50").first()}).encode,
            work({options_of("w:50").first()}).encode);
  // A later pipeline is refused as the first would be.
  const url::PixelOptions wide = options_of("pd:0:0:0:70000").first();
  EXPECT_FALSE(check_sizes(plan_of(f, chain_of({small, wide}))).has_value());
  EXPECT_TRUE(check_sizes(plan_of(f, chain_of({small, small}))).has_value());
  const std::string text = describe(plan_of(f, chain_of({small, options_of("w:50").first()})));
  EXPECT_NE(text.find("pipeline 2, from memory: 100x80\nscale"), std::string::npos) << text;
  EXPECT_NE(text.find("save png: 50x40"), std::string::npos) << text;
}

}  // namespace
}  // namespace imgring::pipeline
