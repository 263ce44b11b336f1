// What options of imgproxy's paid edition are planned to take (docs/spec/paid.md).
#include "../../../src/pipeline/step_rows.h"
#include "imgring/pipeline/plan_work.h"
#include "plan_helpers.h"
#include "render_helpers.h"

namespace imgring::pipeline {
namespace {

using namespace testing;
using enum ImageType;

// Eight of them, each with what setting up a blur takes.
TEST(Costs, AProgressiveBlurIsEightBlurs) {
  const auto ns_of = [](double sigma) {
    PlanInput input;
    url::RequestOptions options;
    options.first().progressive_blur.sigma = sigma;
    input.options = &options;
    const Step step{.kind = StepKind::kProgressiveBlur};
    return row_of(StepKind::kProgressiveBlur).cost({step, {100, 100}, input}).ns;
  };
  double blurs = 0;
  for (int i = 1; i <= 8; ++i) blurs += blur_ns(16.0 * i / 8);
  EXPECT_GE(ns_of(16), blurs);
  EXPECT_LE(ns_of(16), 1.2 * blurs);
}

// A cut before it may leave any part of an area, and all of it: a hundredth of the picture is
// planned as all of what is left.
TEST(Costs, BlurredAreasBehindACutMayBeAllOfIt) {
  using Cut = void (*)(url::PixelOptions&);
  const auto steps_of = [](Cut cut, const url::RelativeArea& area) {
    url::RequestOptions o = options_of("w:800/h:300");
    cut(o.first());
    o.first().blur_areas = {4, {area}};
    PlanInput in;
    in.facts = facts(kPng, 1000, 1000);
    in.options = &o;
    in.result_type = kPng;
    static const config::ProcessingConfig config;
    in.config = &config;
    return planned_work(make_plan(in), in).steps;
  };
  const url::RelativeArea small{0.4, 0.4, 0.01, 0.01}, all{0, 0, 1, 1};
  EXPECT_LT(steps_of([](url::PixelOptions&) {}, small) * 5,
            steps_of([](url::PixelOptions&) {}, all));
  constexpr Cut kCuts[] = {
      [](url::PixelOptions& o) { o.crop.width = 500; },
      [](url::PixelOptions& o) { o.crop.height = 0.5; },
      [](url::PixelOptions& o) { o.trim.on = true; },
      [](url::PixelOptions& o) { o.crop_aspect_ratio.ratio = 2; },
      [](url::PixelOptions& o) { o.resizing_type = url::ResizingType::kFill; }};
  for (const Cut cut : kCuts) EXPECT_EQ(steps_of(cut, small), steps_of(cut, all));
}

// Each step of each frame is set up by itself.
TEST(Costs, SettingUpIsPlannedForEachFrameAndPipeline) {
  const auto steps_of = [](std::size_t pipelines, int frames) {
    url::RequestOptions o = options_of("w:20");
    o.first().blur = 1;
    o.pipelines.resize(pipelines, o.first());
    PlanInput in;
    in.facts = facts(kGif, 20, 20);
    in.options = &o;
    in.frames = frames;
    in.result_type = kGif;
    static const config::ProcessingConfig config;
    in.config = &config;
    return planned_work(make_plan(in), in).steps;
  };
  using std::chrono::milliseconds;
  EXPECT_LT(steps_of(1, 1), milliseconds(1));
  EXPECT_GT(steps_of(1, 500), milliseconds(25));
  EXPECT_GT(steps_of(32, 1), milliseconds(2));
  EXPECT_GT(steps_of(32, 500), steps_of(1, 500) * 15);
}

// Rows stream through what looks at one pixel alone: such a plan copies nothing.
TEST(Costs, PointOperationsCopyNothing) {
  url::RequestOptions o = options_of("w:100");
  const std::int64_t before = plan_of(facts(kPng, 1000, 1000), o).certain_bytes;
  o.first().brightness = 10;
  o.first().saturation = 2;
  o.first().monochrome.intensity = 1;
  o.first().duotone.intensity = 1;
  o.first().colorize.opacity = 1;
  o.first().gradient.opacity = 1;
  EXPECT_EQ(plan_of(facts(kPng, 1000, 1000), o).certain_bytes, before);
  o.first().unsharp.mode = config::UnsharpMode::kAlways;
  EXPECT_GT(plan_of(facts(kPng, 1000, 1000), o).certain_bytes, before);
}

}  // namespace
}  // namespace imgring::pipeline
