// The list of steps: what is in it, where things lie, what it costs, how it reads.
#include <gtest/gtest.h>

#include "plan_helpers.h"

namespace imgring::pipeline {
namespace {

using enum ImageType;
using testing::facts;
using testing::find_step;
using testing::options_of;
using testing::plan_of;

TEST(Plan, JpegIsShrunkOnLoadByTheLargestPowerBelowTheRatio) {
  struct Case {
    int width;
    int shrink;
  };
  for (const Case c : {Case{1600, 1}, {801, 1}, {800, 2}, {401, 2}, {400, 4}, {200, 8}, {100, 8}}) {
    SCOPED_TRACE(c.width);
    auto o = options_of("");
    o.first().width = c.width;
    EXPECT_EQ(plan_of(facts(kJpeg, 1600, 1600), o).load.shrink, c.shrink);
  }
}

TEST(Plan, ExactShrinkNeedsNoScaleStep) {
  const auto plan = plan_of(facts(kJpeg, 1600, 1200), options_of("w:400"), kJpeg);
  EXPECT_EQ(plan.load.shrink, 4);
  EXPECT_EQ(find_step(plan, StepKind::kScale), nullptr);
  EXPECT_EQ(plan.result, (Size{400, 300}));
}

TEST(Plan, TrimTurnsShrinkOnLoadOffAndIsMarkedAsUnsure) {
  auto o = options_of("w:100");
  o.first().trim.on = true;
  const auto plan = plan_of(facts(kJpeg, 1600, 1200), o);
  EXPECT_FALSE(plan.load.any());
  EXPECT_TRUE(plan.depends_on_pixels);
  EXPECT_EQ(plan.steps.front().kind, StepKind::kTrim);
}

// A padding of a hundred million pixels kept a helper busy for longer than twice IMGPROXY_TIMEOUT.
TEST(Plan, NoStepMakesMoreThanAHelperCanDo) {
  struct Case {
    std::string_view options;
    ImageType result;
    bool good;
  };
  const Case cases[] = {
      {"pd:0:0:0:65434", kPng, true},
      {"pd:0:0:0:65436", kPng, false},
      {"pd:100000000", kIco, false},
      {"pd:8142:16284", kWebp, true},
      {"w:16384/h:32768/rt:force/el:1", kAvif, true},
      {"w:16384/h:32769/rt:force/el:1", kAvif, false},
      {"w:99999999/el:1", kGif, false},
      {"z:9999:9999/el:1", kTiff, false},
      {"pd:0:0:0:65400", kJpeg, true},
      {"pd:0:0:0:65402", kJpeg, false},
      {"pd:0:0:0:65402", kWebp, true},
      {"", kJpeg, true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.options);
    const auto o = options_of(c.options);
    const auto checked = check_sizes(plan_of(facts(kPng, 100, 100), o, c.result));
    EXPECT_EQ(checked.has_value(), c.good);
    // The format could be saved: it is the size that is refused.
    if (!checked) EXPECT_EQ(checked.error().code, ErrorCode::kResultTooLarge);
  }
  // A source may be as it is; what is made of it counts. A vector is as large as one asks for.
  const auto small = options_of("w:100"), large = options_of("w:99999999");
  EXPECT_TRUE(check_sizes(plan_of(facts(kTiff, 2'000'000, 1000), small)).has_value());
  EXPECT_FALSE(check_sizes(plan_of(facts(kSvg, 100, 100), large)).has_value());
}

TEST(Plan, CropIsSwappedForTurnedPictures) {
  auto o = options_of("c:100:40/rot:90");
  o.first().gravity = {url::GravityType::kNorthWest, 0, 0};
  const auto plan = plan_of(facts(kPng, 300, 200), o);
  const Step* crop = find_step(plan, StepKind::kCrop);
  ASSERT_NE(crop, nullptr);
  EXPECT_EQ(crop->after, (Size{40, 100}));
  EXPECT_EQ(crop->area.left, 0);  // what a clockwise turn puts to the north-west is the south-west
  EXPECT_EQ(crop->area.top, 100);
  EXPECT_EQ(plan.result, (Size{100, 40}));
}

TEST(Plan, FlattenWhenTheFormatHasNoAlphaOrABackgroundIsSet) {
  auto o = options_of("w:10");
  EXPECT_EQ(find_step(plan_of(facts(kPng, 30, 20), o, kPng), StepKind::kFlatten), nullptr);
  EXPECT_NE(find_step(plan_of(facts(kPng, 30, 20), o, kJpeg), StepKind::kFlatten), nullptr);
  o.first().background = url::Color{1, 2, 3};
  EXPECT_NE(find_step(plan_of(facts(kPng, 30, 20), o, kPng), StepKind::kFlatten), nullptr);
}

TEST(Plan, LoadedSizesThatDifferAreFollowed) {
  const auto o = options_of("w:100");
  const config::ProcessingConfig config;
  PlanInput in;
  in.facts = facts(kSvg, 300, 150);
  in.options = &o;
  in.config = &config;
  in.result_type = kPng;
  const auto plan = make_plan_for_loaded(in, {.scale = 1.0 / 3}, facts(kSvg, 101, 50));
  EXPECT_EQ(plan.result, (Size{100, 50}));
}

TEST(Plan, StepsAfterASurpriseAreMadeAnew) {
  auto o = options_of("w:100/h:100/rt:fill/pd:5:5:5:5");
  const config::ProcessingConfig config;
  PlanInput in;
  in.facts = facts(kPng, 300, 200);
  in.options = &o;
  in.config = &config;
  in.result_type = kPng;
  auto plan = make_plan(in);
  std::size_t scale = 0;
  while (plan.steps[scale].kind != StepKind::kScale) ++scale;
  replan_after(&plan, in, scale, {160, 100});
  EXPECT_EQ(find_step(plan, StepKind::kResultCrop)->area.left, 30);
  EXPECT_EQ(plan.result, (Size{110, 110}));
}

// Every turn there is: a pixel of the cut lies where it lay when the cut came last.
TEST(Plan, AKnownCutComesBeforeTheTurn) {
  for (const int orientation : {1, 2, 3, 4, 5, 6, 7, 8}) {
    for (int turn = 0; turn < 16; ++turn) {
      SCOPED_TRACE(std::to_string(orientation) + " " + std::to_string(turn));
      auto o = options_of("rt:fill/w:40/h:30/rot:" + std::to_string(turn % 4 * 90));
      o.first().gravity = {url::GravityType::kNorthWest, 3, 2};
      o.first().flip_horizontal = (turn & 4) != 0;
      o.first().flip_vertical = (turn & 8) != 0;
      SourceFacts source = facts(kPng, 200, 100);
      source.orientation = orientation;
      const auto plan = plan_of(source, o, kPng);
      const Step* cut = find_step(plan, StepKind::kResultCrop);
      const Step* turned = find_step(plan, StepKind::kTurn);
      ASSERT_NE(cut, nullptr);
      EXPECT_EQ(plan.result, (Size{40, 30}));
      if (turned == nullptr) continue;
      EXPECT_LT(cut, turned);
      EXPECT_EQ(turned->after, (Size{40, 30}));
      EXPECT_LE(cut->area.left + cut->area.width, (cut - 1)->after.width);
      EXPECT_LE(cut->area.top + cut->area.height, (cut - 1)->after.height);
      EXPECT_EQ(cut->area.width * cut->area.height, 40 * 30);
    }
  }
}

TEST(Plan, ASmartCutSeesTheTurnedPicture) {
  auto o = options_of("rt:fill/w:40/h:30/rot:90");
  o.first().gravity.type = url::GravityType::kSmart;
  const auto plan = plan_of(facts(kPng, 200, 100), o, kPng);
  EXPECT_GT(find_step(plan, StepKind::kResultCrop), find_step(plan, StepKind::kTurn));
}

TEST(Plan, GuardedVectorsAreLoadedAtTheProductOfBothShrinks) {
  const SourceFacts source = facts(kSvg, 20000, 10000);
  const double guard = guard_shrink_of(source, 50'000'000);
  EXPECT_EQ(guard, 2);
  const auto o = options_of("w:1000");
  const config::ProcessingConfig config;
  PlanInput in;
  in.facts = facts(kSvg, 10000, 5000);
  in.options = &o;
  in.config = &config;
  in.result_type = kPng;
  in.guard_shrink = guard;
  const auto plan = make_plan(in);
  EXPECT_DOUBLE_EQ(plan.load.scale, 1.0 / 20);
  EXPECT_EQ(plan.result, (Size{1000, 500}));
  EXPECT_EQ(guard_shrink_of(facts(kPng, 20000, 10000), 50'000'000), 1);
}

TEST(Plan, ProgressiveSourcesCostWholePlanes) {
  const auto o = options_of("w:100");
  SourceFacts f = facts(kJpeg, 4000, 3000);
  const auto baseline = plan_of(f, o, kJpeg).planned_bytes;
  f.whole_decode = true;
  EXPECT_GE(plan_of(f, o, kJpeg).planned_bytes, baseline + 60'000'000);
}

TEST(Plan, CoefficientsAreThoseOfTheSampling) {
  SourceFacts f = facts(kJpeg, 4000, 3000);
  EXPECT_EQ(coefficient_bytes(f), 0) << "a baseline JPEG streams";
  f.whole_decode = true;
  EXPECT_EQ(coefficient_bytes(f), 72'000'000);
  f.samples_per_pixel = 1.5;
  EXPECT_EQ(coefficient_bytes(f), 36'000'000);
  f.type = kPng;
  EXPECT_EQ(coefficient_bytes(f), 0);
}

TEST(Plan, TextNamesEveryStepWithItsSize) {
  auto o = options_of("w:500/pd:10:10:10:10");
  o.first().blur = 2;
  const std::string text = describe(plan_of(facts(kJpeg, 2400, 1600), o, kJpeg));
  EXPECT_NE(text.find("load jpeg shrunk by 4: 600x400"), std::string::npos) << text;
  EXPECT_NE(text.find("scale by 0.833333 x 0.833333: 500x333"), std::string::npos) << text;
  EXPECT_NE(text.find("filters: 500x333"), std::string::npos) << text;
  EXPECT_NE(text.find("padding at 10,10: 520x353"), std::string::npos) << text;
  EXPECT_NE(text.find("save jpeg: 520x353"), std::string::npos) << text;
}

}  // namespace
}  // namespace imgring::pipeline
