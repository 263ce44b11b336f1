// The steps that options ask for, kind by kind: when, how large the picture is after it, and what
// of it is kept where.
#include "step_maker.h"

#include <algorithm>

#include "step_rows.h"

namespace imgring::pipeline {
namespace {

using url::Gravity;
using url::GravityType;
using url::PixelOptions;

// Where an area of the turned picture lies before the turn: steps::turn's order, backwards.
Area before_turn(Area area, Size frame, const Turn& exif, const PixelOptions& o) noexcept {
  const auto flip = [&](bool across, bool down) {
    if (across) area.left = frame.width - area.left - area.width;
    if (down) area.top = frame.height - area.top - area.height;
  };
  const auto turn_back = [&](int angle) {
    for (int quarter = (angle / 90 % 4 + 4) % 4; quarter > 0; --quarter) {
      area = {area.top, frame.width - area.left - area.width, area.height, area.width};
      frame = {frame.height, frame.width};
    }
  };
  flip(o.flip_horizontal, o.flip_vertical);
  turn_back(o.rotate);
  flip(exif.flip, false);
  turn_back(exif.angle);
  return area;
}

}  // namespace

void StepMaker::make_from(std::size_t first) {
  for (std::size_t i = first; i < kStepKindCount; ++i) {
    row_of(static_cast<StepKind>(i)).make(*this);
  }
  plan_.result = size_;
  cut_before_turn();
}

void StepMaker::cut_to(Area area) {
  add(StepKind::kResultCrop, {area.width, area.height}).area = area;
  plan_.result = size_;
  cut_before_turn();
}

// A cut whose place is known comes before the turn: turns copy the picture into memory, and what
// is cut off may be a thousand times what is kept.
void StepMaker::cut_before_turn() {
  const auto cut = std::ranges::find(plan_.steps, StepKind::kResultCrop, &Step::kind);
  if (cut == plan_.steps.end() || cut == plan_.steps.begin() || cut->smart) return;
  const auto turn = cut - 1;
  if (turn->kind != StepKind::kTurn) return;
  cut->area = before_turn(cut->area, turn->after, plan_.turn, options_);
  cut->after = {cut->area.width, cut->area.height};
  turn->after = turned() ? Size{cut->after.height, cut->after.width} : cut->after;
  std::iter_swap(turn, cut);
}

Step& StepMaker::add(StepKind kind, Size after) {
  size_ = after;
  Step& step = plan_.steps.emplace_back();
  step.kind = kind;
  step.after = after;
  return step;
}

bool StepMaker::turned() const noexcept { return (plan_.turn.angle + options_.rotate) % 180 != 0; }

// Offsets of a crop before the resize do not know dpr: offset_scale 1.
void StepMaker::cut(StepKind kind, Size to, const Gravity& gravity, double offset_scale) {
  if (to.width == 0 && to.height == 0) return;
  const Size before = size_;
  to.width = min_nonzero(to.width, before.width);
  to.height = min_nonzero(to.height, before.height);
  if (to.width >= before.width && to.height >= before.height) return;
  to.width = std::min(to.width, before.width);
  to.height = std::min(to.height, before.height);
  Step& step = add(kind, to);
  step.area = {0, 0, to.width, to.height};
  step.smart = gravity.type == GravityType::kSmart;
  if (step.smart) return;
  const Position at =
      position_of({before.width, before.height, to.width, to.height, offset_scale}, gravity);
  step.area.left = at.left;
  step.area.top = at.top;
}

void StepMaker::put_on_canvas(StepKind kind, Size canvas, const Gravity& gravity) {
  const Size before = size_;
  if (canvas.width <= before.width && canvas.height <= before.height) return;
  if (canvas.width <= 0) canvas.width = before.width;
  if (canvas.height <= 0) canvas.height = before.height;
  const Position at = position_of(
      {canvas.width, canvas.height, before.width, before.height, plan_.geometry.dpr}, gravity);
  add(kind, canvas).area = {at.left, at.top, before.width, before.height};
}

}  // namespace imgring::pipeline
