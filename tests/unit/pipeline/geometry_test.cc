// Result sizes against the reference model (tests/oracle/geometry_model.py 2000 7) and the worked
// examples of the specification.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "plan_helpers.h"

namespace imgring::pipeline {
namespace {

using testing::facts;
using testing::options_of;
using testing::plan_of;

TEST(Geometry, SizesEqualTheModelOnTwoThousandRequests) {
  const char* dir = std::getenv("IMGRING_TESTS_DIR");
  ASSERT_NE(dir, nullptr);
  std::ifstream table(std::string(dir) + "/unit/pipeline/geometry_cases.tsv");
  std::string line;
  int lines = 0;
  while (std::getline(table, line)) {
    SCOPED_TRACE(line);
    ++lines;
    const auto f = split(line, "\t");
    ASSERT_EQ(f.size(), 6u);
    const ImageType type = image_type_by_name(f[0]).value();
    const auto plan =
        plan_of(facts(type, testing::whole(f[1]), testing::whole(f[2])), options_of(f[3]));
    EXPECT_EQ(plan.result.width, testing::whole(f[4])) << describe(plan);
    EXPECT_EQ(plan.result.height, testing::whole(f[5])) << describe(plan);
  }
  EXPECT_EQ(lines, 2000);
}

TEST(Geometry, WorkedExamplesOfTheSpecification) {
  struct Case {
    ImageType type;
    Size source;
    std::string_view path;
    ImageType result_type;
    Size result;
  };
  using enum ImageType;
  const Case cases[] = {
      {kPng, {120, 80}, "rt:force/w:50", kPng, {50, 80}},
      {kPng, {200, 100}, "rt:fill-down/w:300/h:125", kPng, {200, 83}},
      {kPng, {200, 100}, "rt:fill-down/w:250/h:300", kPng, {83, 100}},
      {kPng, {200, 100}, "h:200/ex:1", kPng, {200, 200}},
      {kPng, {200, 100}, "w:300/h:125/exar:1", kPng, {240, 100}},
      {kPng, {200, 100}, "rt:fill-down/w:1000/h:50/mrd:50", kPng, {50, 3}},
      {kPng, {200, 100}, "w:100/h:100/pd:100:200:300:400/mrd:200", kPng, {200, 129}},
      {kSvg, {200, 100}, "w:300", kPng, {300, 150}},
      {kSvg, {200, 100}, "dpr:2", kPng, {400, 200}},
      {kPng, {800, 600}, "", kIco, {256, 192}},
      {kPng, {20000, 10}, "", kWebp, {16383, 8}},
      {kJpeg, {2400, 1600}, "w:500", kJpeg, {500, 333}},
      {kPng, {1, 1}, "w:0", kPng, {1, 1}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.path);
    const auto plan =
        plan_of(facts(c.type, c.source.width, c.source.height), options_of(c.path), c.result_type);
    EXPECT_EQ(plan.result.width, c.result.width) << describe(plan);
    EXPECT_EQ(plan.result.height, c.result.height) << describe(plan);
  }
}

TEST(Geometry, RoundingIsAsTheSpecificationNamesIt) {
  EXPECT_EQ(round_away(2.5), 3);
  EXPECT_EQ(round_away(-2.5), -3);
  EXPECT_EQ(round_even(2.5), 2);
  EXPECT_EQ(round_even(3.5), 4);
  EXPECT_EQ(scaled(0, 1e9), 0);
  EXPECT_EQ(scaled(2000000000, 10), 2147483647);
  EXPECT_EQ(min_nonzero(0, 7), 7);
  EXPECT_EQ(min_nonzero(7, 0), 7);
  EXPECT_EQ(min_nonzero(3, 7), 3);
}

TEST(Geometry, ExifTurnsSwapTheSides) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    SCOPED_TRACE(orientation);
    SourceFacts f = facts(ImageType::kJpeg, 400, 200);
    f.orientation = orientation;
    url::RequestOptions o = options_of("w:100");
    const bool swapped = orientation >= 5;
    EXPECT_EQ(plan_of(f, o).result, (Size{100, swapped ? 200 : 50}));
    o.first().auto_rotate = false;
    EXPECT_EQ(plan_of(f, o).result, (Size{100, 50}));
  }
  EXPECT_EQ(turn_of(7, true).angle, 270);
  EXPECT_TRUE(turn_of(7, true).flip);
  EXPECT_EQ(turn_of(5, true).angle, 90);
  EXPECT_TRUE(turn_of(2, true).flip);
  EXPECT_EQ(turn_of(99, true).angle, 0);
}

TEST(Geometry, HugeNumbersDoNotOverflow) {
  const auto plan = plan_of(facts(ImageType::kPng, 1000, 1000),
                            options_of("w:2000000000/h:2000000000/el:1/ex:1/dpr:100/z:9:9/"
                                       "pd:2000000000:2000000000:2000000000:2000000000"));
  EXPECT_GT(plan.result.width, 0);
  EXPECT_GT(plan.planned_bytes, 0);
}

}  // namespace
}  // namespace imgring::pipeline
