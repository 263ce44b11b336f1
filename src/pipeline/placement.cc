// Where an inner rectangle lies in an outer one, and gravities seen from the other side of a turn
// (processing.md section 6).
// Owns nothing. Any thread.
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "imgring/pipeline/plan.h"

namespace imgring::pipeline {
namespace {

using url::Gravity;
using enum url::GravityType;
using url::GravityType;

// Which edges a gravity names: -1 west or north, 1 east or south, 0 neither.
struct Edges {
  int x, y;
};
constexpr std::pair<GravityType, Edges> kEdges[] = {
    {kCenter, {0, 0}},     {kNorth, {0, -1}},     {kEast, {1, 0}},
    {kSouth, {0, 1}},      {kWest, {-1, 0}},      {kNorthWest, {-1, -1}},
    {kNorthEast, {1, -1}}, {kSouthWest, {-1, 1}}, {kSouthEast, {1, 1}},
};

Edges edges_of(GravityType type) noexcept {
  for (const auto& [t, edges] : kEdges)
    if (t == type) return edges;
  return {0, 0};
}

bool has_edges(GravityType type) noexcept {
  return std::ranges::any_of(kEdges, [&](const auto& entry) { return entry.first == type; });
}

GravityType with_edges(Edges edges) noexcept {
  for (const auto& [t, e] : kEdges)
    if (e.x == edges.x && e.y == edges.y) return t;
  return kCenter;
}

// An axis on which the gravity names no edge has offsets that point to the right or down.
void flip_axis(Gravity* g, bool horizontal) noexcept {
  if (g->type == kFocusPoint) {
    (horizontal ? g->x : g->y) = 1 - (horizontal ? g->x : g->y);
    return;
  }
  if (!has_edges(g->type)) return;
  Edges e = edges_of(g->type);
  int& edge = horizontal ? e.x : e.y;
  double& offset = horizontal ? g->x : g->y;
  if (edge == 0) offset = -offset;
  edge = -edge;
  g->type = with_edges(e);
}

// Seen before a clockwise turn of 90 degrees: what is north then was west before.
void turn_90(Gravity* g) noexcept {
  const double x = g->x;
  const double y = g->y;
  if (g->type == kFocusPoint) {
    g->x = y;
    g->y = 1 - x;
    return;
  }
  if (!has_edges(g->type)) return;
  const Edges e = edges_of(g->type);
  g->type = with_edges({e.y, -e.x});
  const bool mirrored = g->type == kCenter || g->type == kEast || g->type == kWest;
  g->x = y;
  g->y = mirrored ? -x : x;
}

void turn_180(Gravity* g) noexcept {
  flip_axis(g, true);
  flip_axis(g, false);
}

void turn_270(Gravity* g) noexcept {
  const double x = g->x;
  const double y = g->y;
  if (g->type == kFocusPoint) {
    g->x = 1 - y;
    g->y = x;
    return;
  }
  if (!has_edges(g->type)) return;
  const Edges e = edges_of(g->type);
  g->type = with_edges({-e.y, e.x});
  const bool mirrored = g->type == kCenter || g->type == kNorth || g->type == kSouth;
  g->x = mirrored ? -y : y;
  g->y = x;
}

struct Axis {
  int outer, inner;
  double offset;
  int edge;  // -1 near, 0 centre, 1 far
};

int place(const Axis& a, const PositionInput& in) noexcept {
  const int offset = std::abs(a.offset) >= 1 ? round_even(a.offset * in.offset_scale)
                                             : scaled_even(a.outer, a.offset);
  std::int64_t at = std::int64_t{round_even((1.0 + a.outer - a.inner) / 2)} + offset;
  if (a.edge < 0) at = offset;
  if (a.edge > 0) at = std::int64_t{a.outer} - a.inner - offset;
  const std::int64_t least = in.overflow ? -std::int64_t{a.inner} + 1 : 0;
  const std::int64_t most = in.overflow ? a.outer - 1 : std::int64_t{a.outer} - a.inner;
  return static_cast<int>(std::max(least, std::min(at, most)));
}

int place_focus(const Axis& a, const PositionInput& in) noexcept {
  const std::int64_t at = std::int64_t{scaled_even(a.outer, a.offset)} - a.inner / 2;
  const std::int64_t least = in.overflow ? -std::int64_t{a.inner} + 1 : 0;
  const std::int64_t most = in.overflow ? a.outer - 1 : std::int64_t{a.outer} - a.inner;
  return static_cast<int>(std::max(least, std::min(at, most)));
}

}  // namespace

Position position_of(const PositionInput& in, const Gravity& gravity) noexcept {
  const Edges edges = edges_of(gravity.type);
  const Axis x{in.outer_width, in.inner_width, gravity.x, edges.x};
  const Axis y{in.outer_height, in.inner_height, gravity.y, edges.y};
  if (gravity.type == kFocusPoint) return {place_focus(x, in), place_focus(y, in)};
  return {place(x, in), place(y, in)};
}

Gravity adjust_gravity(Gravity gravity, int angle, bool flip_x, bool flip_y) noexcept {
  if (flip_x) flip_axis(&gravity, true);
  if (flip_y) flip_axis(&gravity, false);
  const int quarter = ((angle % 360 + 360) % 360) / 90;
  static constexpr void (*kTurns[])(Gravity*) noexcept = {nullptr, turn_90, turn_180, turn_270};
  if (kTurns[quarter] != nullptr) kTurns[quarter](&gravity);
  return gravity;
}

}  // namespace imgring::pipeline
