// The watermark: made ready once for frames of one size, then laid over each frame (processing.md
// 7).
// Frames of an animation come here one by one, so a watermark is cut at frame borders by itself.
#include <cmath>
#include <cstdlib>

#include "../load.h"
#include "imgring/image/colour.h"
#include "imgring/image/encoder.h"
#include "steps.h"

namespace imgring::pipeline::steps {
namespace {

using image::VipsImagePtr;

bool replicated(const url::ProcessingOptions& o) noexcept {
  return o.watermark.position.type == url::GravityType::kReplicate;
}

// Options of the watermark's own run.
url::ProcessingOptions own_options(const StepContext& context, Size frame) {
  const url::ProcessingOptions& o = *context.input.options;
  url::ProcessingOptions own;
  own.enlarge = true;
  own.auto_rotate = context.input.config->auto_rotate;
  own.preserve_hdr = context.input.config->preserve_hdr;
  own.max_src_resolution = o.max_src_resolution;
  own.format = context.watermark_source->type;
  const double scale = o.watermark.scale;
  if (scale > 0) {
    own.width = std::max(1, scaled_even(frame.width, scale));
    own.height = std::max(1, scaled_even(frame.height, scale));
  }
  return own;
}

// Space between tiles: half before, half behind; negative space cuts the tile.
struct Gap {
  int before, behind;
};
Gap gap_of(double offset, int side, double dpr) noexcept {
  const int gap =
      std::abs(offset) >= 1 ? round_even(offset * dpr) : scaled_even(side, offset);
  return {gap / 2, gap - gap / 2};
}

Result<VipsImagePtr> spaced_tile(VipsImagePtr tile, const StepContext& context, Size frame) {
  const url::Gravity& position = context.input.options->watermark.position;
  const double dpr = context.plan.geometry.dpr;
  const Gap x = gap_of(position.x, frame.width, dpr);
  const Gap y = gap_of(position.y, frame.height, dpr);
  if (x.before == 0 && x.behind == 0 && y.before == 0 && y.behind == 0) return tile;
  const Size size = vips::size_of(tile.get());
  return vips::on_canvas(
      tile.get(), {size.width + x.before + x.behind, size.height + y.before + y.behind},
      {x.before, y.before});
}

// The middle of an odd number of tiles each way.
Result<VipsImagePtr> tiled(VipsImage* tile, Size frame) {
  const Size size = vips::size_of(tile);
  const auto odd_count = [](int whole, int part) {
    const int count = static_cast<int>(std::ceil(static_cast<double>(whole) / part));
    return count % 2 == 0 ? count + 1 : count;
  };
  IMGRING_TRY(VipsImagePtr all, vips::call<vips_replicate>("watermark", tile,
                                                           odd_count(frame.width, size.width),
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

Result<VipsImagePtr> scaled_and_upright(const StepContext& context, Size frame,
                                        const image::StopFlag& stop) {
  const url::ProcessingOptions own = own_options(context, frame);
  PlanInput input;
  input.options = &own;
  input.config = context.input.config;
  const LoadRequest request{as_bytes(context.watermark_source->bytes),
                            context.watermark_source->type, &own, context.input.config,
                            &stop, context.svg_children};
  IMGRING_TRY(Opened opened, open_source(request));
  IMGRING_TRY_VOID(check_resolution(opened.facts, 1, own));
  input.facts = opened.facts;
  input.guard_shrink = opened.guard_shrink;
  input.result_type = ImageType::kPng;  // holds alpha and any size: no flatten, no fix size
  IMGRING_TRY(Loaded loaded, load_planned(request, std::move(opened), &input));
  const StepContext own_context{loaded.plan, input, stop, nullptr, nullptr};
  return run_steps(std::move(loaded.image), &loaded.plan, input, own_context);
}

Result<PreparedWatermark> prepare(const StepContext& context, Size frame) {
  const url::ProcessingOptions& o = *context.input.options;
  PreparedWatermark ready;
  ready.opacity = o.watermark.opacity * context.input.config->watermark_opacity;
  IMGRING_TRY(VipsImagePtr mark, scaled_and_upright(context, frame, context.stop));
  if (replicated(o)) {
    IMGRING_TRY(VipsImagePtr tile, spaced_tile(std::move(mark), context, frame));
    mark = std::move(tile);
  }
  IMGRING_TRY(VipsImagePtr memory, image::copy_to_memory(mark.get(), context.stop));
  mark = std::move(memory);
  if (replicated(o)) {
    IMGRING_TRY(VipsImagePtr tiles, tiled(mark.get(), frame));
    mark = std::move(tiles);
  } else {
    const Size size = vips::size_of(mark.get());
    ready.at = position_of({frame.width, frame.height, size.width, size.height,
                            context.plan.geometry.dpr, true},
                           o.watermark.position);
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
