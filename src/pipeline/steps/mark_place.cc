// processing.md section 7, and paid.md section 10 for shadows and the chessboard.
#include "mark_place.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace imgring::pipeline::steps {
namespace {

// What of a mark that begins at `at` lies on the canvas; a pixel that is outside where none does.
MarkAxis shown_part(std::int64_t at, int side, int canvas) noexcept {
  const std::int64_t first = std::clamp<std::int64_t>(-at, 0, side - 1);
  const std::int64_t end = std::clamp<std::int64_t>(canvas - at, first + 1, side);
  const std::int64_t outside = canvas;  // no pixel of the canvas has it
  const bool none = at >= canvas || at + side <= 0;
  return {static_cast<int>(first), static_cast<int>(end - first),
          static_cast<int>(none ? outside : at + first), canvas};
}

// Space between tiles: half before, half behind; negative space cuts the tile. A tile larger than
// the frame shows its middle.
MarkAxis tile_axis(double offset, int side, int frame, double dpr) noexcept {
  const std::int64_t gap =
      std::abs(offset) >= 1 ? round_even(offset * dpr) : scaled_even(frame, offset);
  const std::int64_t tile = std::max<std::int64_t>(1, side + gap);
  const std::int64_t before = gap / 2 - std::max<std::int64_t>(0, (tile - frame) / 2);
  return shown_part(before, side, static_cast<int>(std::min<std::int64_t>(tile, frame)));
}

}  // namespace

bool is_tiled(const url::Watermark& mark) noexcept {
  return mark.position.type == url::GravityType::kReplicate ||
         mark.position.type == url::GravityType::kChessboard;
}

MarkPlace place_of(const url::Watermark& mark, const MarkSize& size) noexcept {
  const url::Gravity& position = mark.position;
  const Size& frame = size.frame;
  const Size all{size.mark.width + 2 * size.grown, size.mark.height + 2 * size.grown};
  if (is_tiled(mark)) {
    return {tile_axis(position.x, all.width, frame.width, size.dpr),
            tile_axis(position.y, all.height, frame.height, size.dpr)};
  }
  const Position at = position_of(
      {frame.width, frame.height, size.mark.width, size.mark.height, size.dpr, true}, position);
  return {shown_part(std::int64_t{at.left} - size.grown, all.width, frame.width),
          shown_part(std::int64_t{at.top} - size.grown, all.height, frame.height)};
}

}  // namespace imgring::pipeline::steps
