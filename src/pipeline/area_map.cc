// Rectangles in doubles, step by step.
#include "area_map.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace imgring::pipeline {
namespace {

struct Box {
  double left, top, right, bottom;
};
// A picture that changes, and a part of it.
struct Seen {
  double width, height;
  Box part;
};

void flip_across(Seen* s) noexcept {
  s->part = {s->width - s->part.right, s->part.top, s->width - s->part.left, s->part.bottom};
}
void flip_down(Seen* s) noexcept {
  s->part = {s->part.left, s->height - s->part.bottom, s->part.right, s->height - s->part.top};
}

// Clockwise.
void turn(Seen* s, int angle) noexcept {
  for (int quarter = (angle / 90 % 4 + 4) % 4; quarter > 0; --quarter) {
    const Box& p = s->part;
    s->part = {s->height - p.bottom, p.left, s->height - p.top, p.right};
    std::swap(s->width, s->height);
  }
}

void scale_to(Seen* s, Size size) noexcept {
  const double x = size.width / s->width, y = size.height / s->height;
  s->part = {s->part.left * x, s->part.top * y, s->part.right * x, s->part.bottom * y};
  s->width = size.width;
  s->height = size.height;
}

void move_by(Seen* s, double left, double top, Size size) noexcept {
  s->part = {s->part.left - left, s->part.top - top, s->part.right - left, s->part.bottom - top};
  s->width = size.width;
  s->height = size.height;
}

// As the loader gave it: metadata's turn undone, trim's cut made.
Seen loaded(const Plan& plan, const TrimmedFrom& trimmed, const url::RelativeArea& area) noexcept {
  const Size now{plan.loaded.width, plan.loaded.height};
  const Size whole = trimmed.whole.width > 0 ? trimmed.whole : now;
  Seen s{static_cast<double>(whole.width), static_cast<double>(whole.height), {}};
  if (plan.turn.angle % 180 != 0) std::swap(s.width, s.height);
  s.part = {area.left * s.width, area.top * s.height, (area.left + area.width) * s.width,
            (area.top + area.height) * s.height};
  if (plan.turn.flip) flip_across(&s);
  turn(&s, -plan.turn.angle);
  move_by(&s, trimmed.at.left, trimmed.at.top, now);
  return s;
}

void apply(const Step& step, const Plan& plan, const url::PixelOptions& o, Seen* s) noexcept {
  switch (step.kind) {
    case StepKind::kCrop:
    case StepKind::kResultCrop: move_by(s, step.area.left, step.area.top, step.after); return;
    case StepKind::kScale: scale_to(s, step.after); return;
    case StepKind::kTurn:
      turn(s, plan.turn.angle);
      if (plan.turn.flip) flip_across(s);
      turn(s, o.rotate);
      if (o.flip_horizontal) flip_across(s);
      if (o.flip_vertical) flip_down(s);
      return;
    default: return;  // those that come before a blur of parts move nothing
  }
}

}  // namespace

std::vector<Area> areas_before(const Plan& plan, std::size_t index,
                               const url::PixelOptions& options, const TrimmedFrom& trimmed,
                               const std::vector<url::RelativeArea>& areas) {
  std::vector<Area> found;
  for (const url::RelativeArea& area : areas) {
    Seen s = loaded(plan, trimmed, area);
    for (std::size_t i = 0; i < index; ++i) apply(plan.steps[i], plan, options, &s);
    const double left = std::max(0.0, std::floor(s.part.left));
    const double top = std::max(0.0, std::floor(s.part.top));
    const double right = std::min(s.width, std::ceil(s.part.right));
    const double bottom = std::min(s.height, std::ceil(s.part.bottom));
    if (right <= left || bottom <= top || area.width == 0 || area.height == 0) continue;
    found.push_back({static_cast<int>(left), static_cast<int>(top), static_cast<int>(right - left),
                     static_cast<int>(bottom - top)});
  }
  return found;
}

}  // namespace imgring::pipeline
