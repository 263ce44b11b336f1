// The watermark: made ready once for frames of one size, then laid over each frame
// (processing.md section 7).
// Frames of an animation come here one by one, so a watermark is cut at frame borders by itself.
#include <algorithm>
#include <cmath>

#include "imgring/image/encoder.h"
#include "mark.h"
#include "steps.h"

namespace imgring::pipeline::steps {
namespace {

using image::VipsImagePtr;

// So many parts are as long as the whole, or longer.
int odd_count(int whole, int part) noexcept {
  const int count = static_cast<int>(std::ceil(static_cast<double>(whole) / part));
  return count % 2 == 0 ? count + 1 : count;
}

// An odd number of small tiles in memory, with the same one in the middle: tiles of one pixel took
// 0.4 us for each pixel of the frame.
Result<VipsImagePtr> large_tile(VipsImagePtr tile, const image::StopFlag& stop) {
  constexpr int kSideMin = 64;
  const Size size = vips::size_of(tile.get());
  if (std::min(size.width, size.height) >= kSideMin) return tile;
  IMGRING_TRY(const VipsImagePtr many,
              vips::call<vips_replicate>("watermark", tile.get(), odd_count(kSideMin, size.width),
                                         odd_count(kSideMin, size.height)));
  return image::copy_to_memory(many.get(), stop);
}

// The middle of an odd number of tiles each way.
Result<VipsImagePtr> repeated(VipsImage* tile, Size frame) {
  const Size size = vips::size_of(tile);
  IMGRING_TRY(VipsImagePtr all,
              vips::call<vips_replicate>("watermark", tile, odd_count(frame.width, size.width),
                                         odd_count(frame.height, size.height)));
  const Size whole = vips::size_of(all.get());
  return vips::cut(all.get(), {(whole.width - frame.width) / 2, (whole.height - frame.height) / 2,
                               frame.width, frame.height});
}

void remove_field(VipsImage* picture, const char* name) { vips_image_remove(picture, name); }

// Nothing of the watermark's metadata may come into the result.
Result<VipsImagePtr> bare(VipsImage* picture) {
  IMGRING_TRY(VipsImagePtr own, vips::copy(picture));
  char** const fields = vips_image_get_fields(own.get());
  for (char** field = fields; *field != nullptr; ++field) remove_field(own.get(), *field);
  g_strfreev(fields);
  remove_field(own.get(), "palette-bit-depth");  // not listed among the fields
  return own;
}

// The shown part in its place. Of a mark with no pixel on its tile one lies beside it, and is cut.
Result<VipsImagePtr> tile_of(VipsImage* mark, const MarkPlace& place) {
  const Size canvas = place.canvas();
  const Position at = place.at();
  if (vips::size_of(mark) == canvas && at.left == 0 && at.top == 0) return vips::share(mark);
  const Size room{std::max(canvas.width, at.left + place.x.shown),
                  std::max(canvas.height, at.top + place.y.shown)};
  IMGRING_TRY(VipsImagePtr tile, vips::on_canvas(mark, room, at));
  if (room == canvas) return tile;
  return vips::cut(tile.get(), {0, 0, canvas.width, canvas.height});
}

// Two by two tiles, of which those on one diagonal are there.
Result<VipsImagePtr> chessboard(VipsImage* tile) {
  const Size size = vips::size_of(tile);
  IMGRING_TRY(const VipsImagePtr clear, vips::with_alpha(tile));
  IMGRING_TRY(const VipsImagePtr board,
              vips::on_canvas(clear.get(), {2 * size.width, 2 * size.height}, {0, 0}));
  VipsImage* both = nullptr;
  if (vips_insert(board.get(), clear.get(), &both, size.width, size.height, nullptr) != 0) {
    return std::unexpected(image::vips_failure("chessboard"));
  }
  return VipsImagePtr(both);
}

Result<VipsImagePtr> faded(VipsImage* mark, double opacity) {
  if (opacity >= 1) return vips::share(mark);
  const int bands = vips_image_get_bands(mark);
  IMGRING_TRY(VipsImagePtr colour, vips::bands(mark, 0, bands - 1));
  IMGRING_TRY(VipsImagePtr alpha, vips::bands(mark, bands - 1, 1));
  IMGRING_TRY(VipsImagePtr faint, vips::call<vips_linear1>("watermark", alpha.get(), opacity, 0.0));
  return vips::join(colour.get(), faint.get());
}

// The whole frame of them: one tile in memory, and where it is seen.
Result<VipsImagePtr> tiled(const Mark& mark, const url::Watermark& options, Size frame,
                           const image::StopFlag& stop) {
  IMGRING_TRY(VipsImagePtr tile, tile_of(mark.image.get(), mark.place));
  IMGRING_TRY(tile, image::copy_to_memory(tile.get(), stop));
  if (options.position.type == url::GravityType::kChessboard) {
    IMGRING_TRY(tile, chessboard(tile.get()));
  }
  IMGRING_TRY(tile, large_tile(std::move(tile), stop));
  return repeated(tile.get(), frame);
}

Result<PreparedWatermark> prepare(const StepContext& context, Size frame) {
  const url::Watermark& options = context.input.pixels().watermark;
  PreparedWatermark ready;
  ready.made = true;
  IMGRING_TRY(Mark mark, make_mark(context, frame));
  if (mark.image == nullptr) return ready;
  VipsImagePtr image;
  if (is_tiled(options)) {
    IMGRING_TRY(image, tiled(mark, options, frame, context.stop));
  } else {
    IMGRING_TRY(image, image::copy_to_memory(mark.image.get(), context.stop));
    ready.at = mark.place.at();
  }
  IMGRING_TRY(VipsImagePtr stripped, bare(image.get()));
  IMGRING_TRY(VipsImagePtr clear, vips::with_alpha(stripped.get()));
  const double opacity = options.opacity * context.input.config->watermark_opacity;
  IMGRING_TRY(ready.image, faded(clear.get(), opacity));
  return ready;
}

bool grey(VipsInterpretation space) noexcept {
  return space == VIPS_INTERPRETATION_B_W || space == VIPS_INTERPRETATION_GREY16;
}

// A grey picture under a coloured watermark becomes colour.
VipsInterpretation blend_space(VipsImage* picture, VipsImage* mark) noexcept {
  const VipsInterpretation space = vips_image_get_interpretation(picture);
  if (!grey(space) || grey(vips_image_get_interpretation(mark))) return space;
  return space == VIPS_INTERPRETATION_B_W ? VIPS_INTERPRETATION_sRGB : VIPS_INTERPRETATION_RGB16;
}

}  // namespace

Result<VipsImagePtr> watermark(VipsImage* picture, const StepContext& context, const Step&) {
  PreparedWatermark& mark = *context.watermark;
  if (!mark.made) {
    IMGRING_TRY(PreparedWatermark made, prepare(context, vips::size_of(picture)));
    mark = std::move(made);
  }
  if (mark.image == nullptr) return vips::share(picture);
  VipsImage* blended = nullptr;
  if (vips_composite2(picture, mark.image.get(), &blended, VIPS_BLEND_MODE_OVER, "x", mark.at.left,
                      "y", mark.at.top, "compositing_space", blend_space(picture, mark.image.get()),
                      nullptr) != 0) {
    return std::unexpected(image::vips_failure("watermark"));
  }
  const VipsImagePtr owned(blended);
  IMGRING_TRY(VipsImagePtr out, vips::cast(owned.get(), vips_image_get_format(picture)));
  if (vips::has_alpha(picture) || !vips::has_alpha(out.get())) return out;
  return vips::bands(out.get(), 0, vips_image_get_bands(out.get()) - 1);
}

}  // namespace imgring::pipeline::steps
