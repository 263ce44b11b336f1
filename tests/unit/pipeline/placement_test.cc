// Positions and gravity adjustment.
#include <gtest/gtest.h>

#include "imgring/pipeline/plan.h"

namespace imgring::pipeline {
namespace {

using url::Gravity;
using enum url::GravityType;

TEST(Placement, OffsetsPushInwardFromTheNamedEdge) {
  struct Case {
    Gravity gravity;
    int left, top;
  };
  // 100x80 outside, 30x20 inside.
  const Case cases[] = {
      {{kCenter, 0, 0}, 36, 30},        {{kCenter, 5, -5}, 41, 25},
      {{kNorth, 0, 3}, 36, 3},          {{kSouth, 0, 3}, 36, 57},
      {{kEast, 4, 0}, 66, 30},          {{kWest, 4, 0}, 4, 30},
      {{kNorthWest, 1, 1}, 1, 1},       {{kSouthEast, 1, 1}, 69, 59},
      {{kNorthEast, 0.1, 0}, 60, 0},    {{kSouthWest, 0, 0.5}, 0, 20},
      {{kNorthWest, 500, 500}, 70, 60}, {{kFocusPoint, 0.5, 0.5}, 35, 30},
      {{kFocusPoint, 0, 1}, 0, 60},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(static_cast<int>(c.gravity.type));
    const Position at = position_of({100, 80, 30, 20}, c.gravity);
    EXPECT_EQ(at.left, c.left);
    EXPECT_EQ(at.top, c.top);
  }
}

TEST(Placement, OverflowMayHideAllButOnePixel) {
  const Position far = position_of({100, 80, 30, 20, 1, true}, {kNorthWest, 500, -500});
  EXPECT_EQ(far.left, 99);
  EXPECT_EQ(far.top, -19);
}

TEST(Placement, OffsetScaleCountsForPixelsOnly) {
  EXPECT_EQ(position_of({100, 80, 30, 20, 2}, {kNorthWest, 5, 0.25}).left, 10);
  EXPECT_EQ(position_of({100, 80, 30, 20, 2}, {kNorthWest, 5, 0.25}).top, 20);
}

// Turning the crop's frame back and forth must land on the same pixels: the crop of the turned
// picture equals the turned crop of the picture, up to the rounding of the centre, which odd
// differences avoid.
TEST(Placement, AdjustedGravityCropsTheSamePixels) {
  for (const auto type : {kCenter, kNorth, kEast, kSouth, kWest, kNorthWest, kNorthEast, kSouthWest,
                          kSouthEast, kFocusPoint}) {
    for (const int angle : {0, 90, 180, 270}) {
      SCOPED_TRACE(::testing::Message() << static_cast<int>(type) << " " << angle);
      const Gravity wanted = type == kFocusPoint ? Gravity{type, 0.25, 0.6} : Gravity{type, 2, 3};
      // Inside the turned picture of 101 x 81, a crop of 20 x 30.
      const Gravity before = adjust_gravity(wanted, angle, false, false);
      const bool swap = angle % 180 != 0;
      const int w = swap ? 81 : 101, h = swap ? 101 : 81, cw = swap ? 30 : 20, ch = swap ? 20 : 30;
      const Position there = position_of({101, 81, 20, 30}, wanted);
      const Position here = position_of({w, h, cw, ch}, before);
      Position turned = here;
      if (angle == 90) turned = {h - here.top - ch, here.left};
      if (angle == 180) turned = {w - here.left - cw, h - here.top - ch};
      if (angle == 270) turned = {here.top, w - here.left - cw};
      EXPECT_NEAR(turned.left, there.left, 1);
      EXPECT_NEAR(turned.top, there.top, 1);
    }
  }
}

TEST(Placement, FlipsExchangeSidesAndMirrorFreeAxes) {
  const Gravity east = adjust_gravity({kEast, 3, 4}, 0, true, false);
  EXPECT_EQ(east.type, kWest);
  EXPECT_EQ(east.x, 3);
  EXPECT_EQ(east.y, 4);
  const Gravity north = adjust_gravity({kNorth, 3, 4}, 0, true, false);
  EXPECT_EQ(north.type, kNorth);
  EXPECT_EQ(north.x, -3);
  EXPECT_EQ(adjust_gravity({kSmart, 0, 0}, 90, true, true).type, kSmart);
  EXPECT_EQ(adjust_gravity({kNorthWest, 1, 2}, 450, false, false).type, kSouthWest);
}

}  // namespace
}  // namespace imgring::pipeline
