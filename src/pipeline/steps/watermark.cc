// The watermark: made ready once for frames of one size, then laid over each frame
// (processing.md section 7).
// Frames of an animation come here one by one, so a watermark is cut at frame borders by itself.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "../load.h"
#include "imgring/image/colour.h"
#include "imgring/image/encoder.h"
#include "steps.h"

namespace imgring::pipeline::steps {
namespace {

using image::VipsImagePtr;

// Of a mark before its cut to the frame; libvips addresses pictures of ten million pixels a side.
constexpr int kMarkSideMax = 5'000'000;

bool replicated(const url::PixelOptions& o) noexcept {
  return o.watermark.position.type == url::GravityType::kReplicate;
}

// Options of the watermark's own run.
url::RequestOptions own_options(const StepContext& context, Size frame) {
  const url::PixelOptions& o = context.input.pixels();
  url::RequestOptions own;
  own.first().enlarge = true;
  own.first().auto_rotate = context.input.config->auto_rotate;
  own.preserve_hdr = context.input.config->preserve_hdr;
  own.max_src_resolution = context.input.options->max_src_resolution;
  own.format = context.watermark_source->type;
  const double scale = o.watermark.scale;
  if (scale > 0) {
    const auto side = [scale](int of) {
      return std::clamp(scaled_even(of, scale), 1, kMarkSideMax);
    };
    own.first().width = side(frame.width);
    own.first().height = side(frame.height);
  }
  return own;
}

// One axis of a mark: of `shown` pixels from `first` on, the first lies at `at` of a canvas. What
// lies outside the frame is never made: a mark may be asked for at any size.
struct Axis {
  int first, shown;
  int at, canvas;
};

// What of a mark that begins at `at` lies on the canvas; a pixel that is outside where none does.
Axis shown_part(std::int64_t at, int side, int canvas) noexcept {
  const std::int64_t first = std::clamp<std::int64_t>(-at, 0, side - 1);
  const std::int64_t end = std::clamp<std::int64_t>(canvas - at, first + 1, side);
  const std::int64_t outside = canvas;  // no pixel of the canvas has it
  const bool none = at >= canvas || at + side <= 0;
  return {static_cast<int>(first), static_cast<int>(end - first),
          static_cast<int>(none ? outside : at + first), canvas};
}

// Space between tiles: half before, half behind; negative space cuts the tile. A tile larger than
// the frame shows its middle.
Axis tile_axis(double offset, int side, int frame, double dpr) noexcept {
  const std::int64_t gap =
      std::abs(offset) >= 1 ? round_even(offset * dpr) : scaled_even(frame, offset);
  const std::int64_t tile = std::max<std::int64_t>(1, side + gap);
  const std::int64_t before = gap / 2 - std::max<std::int64_t>(0, (tile - frame) / 2);
  return shown_part(before, side, static_cast<int>(std::min<std::int64_t>(tile, frame)));
}

struct Shown {
  Axis x, y;
  Area area() const noexcept { return {x.first, y.first, x.shown, y.shown}; }
  Size canvas() const noexcept { return {x.canvas, y.canvas}; }
};

Shown shown_of(const StepContext& context, Size frame, Size mark) {
  const url::Gravity& position = context.input.pixels().watermark.position;
  const double dpr = context.plan.geometry.dpr;
  if (replicated(context.input.pixels())) {
    return {tile_axis(position.x, mark.width, frame.width, dpr),
            tile_axis(position.y, mark.height, frame.height, dpr)};
  }
  const Position at =
      position_of({frame.width, frame.height, mark.width, mark.height, dpr, true}, position);
  return {shown_part(at.left, mark.width, frame.width),
          shown_part(at.top, mark.height, frame.height)};
}

// The middle of an odd number of tiles each way.
Result<VipsImagePtr> tiled(VipsImage* tile, Size frame) {
  const Size size = vips::size_of(tile);
  const auto odd_count = [](int whole, int part) {
    const int count = static_cast<int>(std::ceil(static_cast<double>(whole) / part));
    return count % 2 == 0 ? count + 1 : count;
  };
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

// A mark, and how it lies.
struct Mark {
  VipsImagePtr image;  // its shown part, not made yet
  Shown shown;
};

Result<Mark> scaled_and_upright(const StepContext& context, Size frame,
                                const image::StopFlag& stop) {
  const url::RequestOptions own = own_options(context, frame);
  PlanInput input;
  input.options = &own;
  input.config = context.input.config;
  // Pictures that it gives outlive it.
  image::Shelter shelter({context.children, context.input.config->sandbox, &stop});
  const LoadRequest request{as_bytes(context.watermark_source->bytes),
                            context.watermark_source->type,
                            &own,
                            context.input.config,
                            &stop,
                            context.children,
                            &shelter};
  IMGRING_TRY(Opened opened, open_source(request));
  IMGRING_TRY_VOID(check_resolution(opened.facts, 1, own));
  input.facts = opened.facts;
  input.guard_shrink = opened.guard_shrink;
  input.result_type = ImageType::kPng;  // holds alpha and any size: no flatten, no fix size
  IMGRING_TRY(Loaded loaded, load_planned(request, std::move(opened), &input));
  const Shown shown = shown_of(context, frame, loaded.plan.result);
  const Size part{shown.x.shown, shown.y.shown};
  if (part != loaded.plan.result) cut_result(&loaded.plan, input, shown.area());
  const StepContext own_context{loaded.plan, input, stop, nullptr, nullptr};
  IMGRING_TRY(VipsImagePtr made,
              run_steps(std::move(loaded.image), &loaded.plan, input, own_context));
  if (vips::size_of(made.get()) == part) return Mark{std::move(made), shown};
  // The loader's size was a surprise: its cut went with the plan.
  const Shown anew = shown_of(context, frame, vips::size_of(made.get()));
  IMGRING_TRY(VipsImagePtr cut, vips::cut(made.get(), anew.area()));
  return Mark{std::move(cut), anew};
}

// The shown part in its place. Of a mark with no pixel on its tile one lies beside it, and is cut.
Result<VipsImagePtr> tile_of(VipsImage* mark, const Shown& shown) {
  const Size canvas = shown.canvas();
  const Position at{shown.x.at, shown.y.at};
  if (vips::size_of(mark) == canvas && at.left == 0 && at.top == 0) return vips::share(mark);
  const Size room{std::max(canvas.width, at.left + shown.x.shown),
                  std::max(canvas.height, at.top + shown.y.shown)};
  IMGRING_TRY(VipsImagePtr tile, vips::on_canvas(mark, room, at));
  if (room == canvas) return tile;
  return vips::cut(tile.get(), {0, 0, canvas.width, canvas.height});
}

Result<PreparedWatermark> prepare(const StepContext& context, Size frame) {
  const url::PixelOptions& o = context.input.pixels();
  PreparedWatermark ready;
  ready.opacity = o.watermark.opacity * context.input.config->watermark_opacity;
  IMGRING_TRY(Mark made, scaled_and_upright(context, frame, context.stop));
  VipsImagePtr mark = std::move(made.image);
  const Position at{made.shown.x.at, made.shown.y.at};
  if (replicated(o)) {
    IMGRING_TRY(VipsImagePtr tile, tile_of(mark.get(), made.shown));
    mark = std::move(tile);
  }
  IMGRING_TRY(VipsImagePtr memory, image::copy_to_memory(mark.get(), context.stop));
  mark = std::move(memory);
  if (replicated(o)) {
    IMGRING_TRY(VipsImagePtr tiles, tiled(mark.get(), frame));
    mark = std::move(tiles);
  } else {
    ready.at = at;
  }
  IMGRING_TRY(VipsImagePtr stripped, bare(mark.get()));
  IMGRING_TRY(VipsImagePtr clear, vips::with_alpha(stripped.get()));
  ready.image = std::move(clear);
  if (ready.opacity >= 1) return ready;
  const int bands = vips_image_get_bands(ready.image.get());
  IMGRING_TRY(VipsImagePtr colour, vips::bands(ready.image.get(), 0, bands - 1));
  IMGRING_TRY(VipsImagePtr alpha, vips::bands(ready.image.get(), bands - 1, 1));
  IMGRING_TRY(VipsImagePtr faint,
              vips::call<vips_linear1>("watermark", alpha.get(), ready.opacity, 0.0));
  IMGRING_TRY(VipsImagePtr joined, vips::join(colour.get(), faint.get()));
  ready.image = std::move(joined);
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
  if (mark.image == nullptr) {
    IMGRING_TRY(PreparedWatermark made, prepare(context, vips::size_of(picture)));
    mark = std::move(made);
  }
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
