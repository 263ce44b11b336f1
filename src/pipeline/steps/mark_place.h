// Where a watermark lies in a frame, and what of it is seen: a mark may be asked for at any size,
// and what lies outside the frame is never made.
// Values; any thread.
#pragma once

#include "imgring/pipeline/plan.h"

namespace imgring::pipeline::steps {

// Of a mark before its cut to the frame; libvips addresses pictures of ten million pixels a side,
// which one of these still is when it is turned by 45 degrees and has a shadow.
inline constexpr int kMarkSideMax = 5'000'000;

// One axis: of `shown` pixels from `first` on, the first lies at `at` of a canvas.
struct MarkAxis {
  int first, shown;
  int at, canvas;
};

struct MarkPlace {
  MarkAxis x, y;
  Area area() const noexcept { return {x.first, y.first, x.shown, y.shown}; }
  Size canvas() const noexcept { return {x.canvas, y.canvas}; }
  Size shown() const noexcept { return {x.shown, y.shown}; }
  Position at() const noexcept { return {x.at, y.at}; }
};

// Many of it, `re` and `ch`.
bool is_tiled(const url::Watermark& mark) noexcept;

struct MarkSize {
  Size frame, mark;
  int grown = 0;  // on each side, by a shadow: it lies around the mark, which stays where it is
  double dpr = 1;
};
// The canvas is the frame, or the tile.
MarkPlace place_of(const url::Watermark& mark, const MarkSize& size) noexcept;

}  // namespace imgring::pipeline::steps
