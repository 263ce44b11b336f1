// Where nothing is done to it but its scale, only the part that is seen is ever made. A mark that
// is turned or has a shadow is made whole, in memory, and bounded like a source.
#include "mark.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "../load.h"
#include "../mark_cost.h"
#include "filters.h"
#include "imgring/base/text.h"
#include "imgring/image/encoder.h"
#include "imgring/image/svg_drawing.h"

namespace imgring::pipeline::steps {
namespace {

using image::VipsImagePtr;

const url::Watermark& mark_options(const StepContext& context) noexcept {
  return context.input.pixels().watermark;
}

// Options of the watermark's own run.
url::RequestOptions own_options(const StepContext& context, Size frame) {
  const url::Watermark& mark = mark_options(context);
  url::RequestOptions own;
  own.first().enlarge = true;
  own.first().auto_rotate = context.input.config->auto_rotate;
  own.preserve_hdr = context.input.config->preserve_hdr;
  own.max_src_resolution = context.input.options->max_src_resolution;
  own.format = context.input.mark()->type;
  const Size box = mark_box(mark, frame);
  own.first().width = std::min(box.width, kMarkSideMax);
  own.first().height = std::min(box.height, kMarkSideMax);
  return own;
}

// What its own run is made from; stays where it is.
struct OwnRun {
  OwnRun(const StepContext& context, Size frame)
      : options(own_options(context, frame)),
        shelter(
            {context.children, context.input.config->sandbox, &context.stop, context.memory_bytes}),
        request{as_bytes(context.input.mark()->bytes),
                context.input.mark()->type,
                &options,
                context.input.config,
                &context.stop,
                context.children,
                &shelter,
                context.memory_bytes},
        stop(context.stop) {}
  OwnRun(const OwnRun&) = delete;
  OwnRun& operator=(const OwnRun&) = delete;

  Result<Loaded> load() {
    IMGRING_TRY(Opened opened, open_source(request));
    IMGRING_TRY_VOID(check_resolution(opened.facts, 1, options));
    input.options = &options;
    input.config = request.config;
    input.facts = opened.facts;
    input.guard_shrink = opened.guard_shrink;
    input.result_type = ImageType::kPng;  // holds alpha and any size: no flatten, no fix size
    return load_planned(request, std::move(opened), &input);
  }
  Result<VipsImagePtr> make(Loaded& loaded) {
    const StepContext own{loaded.plan, input, stop};
    return run_steps(std::move(loaded.image), &loaded.plan, input, own);
  }

  url::RequestOptions options;
  image::Shelter shelter;  // pictures that it gives outlive it
  LoadRequest request;
  PlanInput input;
  const image::StopFlag& stop;
};

MarkPlace place_in(const StepContext& context, Size frame, Size mark) {
  return place_of(mark_options(context), {.frame = frame,
                                          .mark = mark,
                                          .grown = shadow_margin(mark_options(context)),
                                          .dpr = context.plan.geometry.dpr});
}

Result<Mark> shown_part_of(const StepContext& context, Size frame) {
  OwnRun run(context, frame);
  IMGRING_TRY(Loaded loaded, run.load());
  const MarkPlace place = place_in(context, frame, loaded.plan.result);
  if (place.shown() != loaded.plan.result) cut_result(&loaded.plan, run.input, place.area());
  IMGRING_TRY(VipsImagePtr made, run.make(loaded));
  if (vips::size_of(made.get()) == place.shown()) return Mark{std::move(made), place};
  // The loader's size was a surprise: its cut went with the plan.
  const MarkPlace anew = place_in(context, frame, vips::size_of(made.get()));
  IMGRING_TRY(VipsImagePtr cut, vips::cut(made.get(), anew.area()));
  return Mark{std::move(cut), anew};
}

Result<void> check_whole(const StepContext& context, Size size) {
  const std::int64_t pixels = std::int64_t{size.width} * size.height;
  const std::int64_t most = context.input.options->max_src_resolution;
  if (most <= 0 || pixels <= most) return {};
  return fail(ErrorCode::kResolutionTooLarge,
              "the watermark is made with " + std::to_string(pixels) +
                  " pixels, and one that is turned or has a shadow may have " +
                  std::to_string(most) + " (IMGPROXY_MAX_SRC_RESOLUTION); ask for a smaller one");
}

Result<VipsImagePtr> whole_mark(const StepContext& context, Size frame) {
  OwnRun run(context, frame);
  IMGRING_TRY(Loaded loaded, run.load());
  IMGRING_TRY_VOID(check_whole(context, loaded.plan.result));
  IMGRING_TRY(VipsImagePtr made, run.make(loaded));
  IMGRING_TRY_VOID(check_whole(context, vips::size_of(made.get())));
  IMGRING_TRY(made, vips::with_alpha(made.get()));
  return image::copy_to_memory(made.get(), context.stop);
}

// As large as fits the box, or as it is.
double text_scale(const image::SvgSize& size, Size box) noexcept {
  const double across = static_cast<double>(box.width) / size.width;
  const double down = static_cast<double>(box.height) / size.height;
  if (box.width <= 0 && box.height <= 0) return 1;
  return box.width <= 0 || box.height <= 0 ? std::max(across, down) : std::min(across, down);
}

// Drawn anew at the size that is wanted, so that letters are sharp; hinting may leave it a little
// larger. Null: no ink.
Result<VipsImagePtr> written_mark(const StepContext& context, Size frame) {
  const url::Watermark& options = mark_options(context);
  image::SvgParams params;
  params.text = true;
  params.pixels_max = static_cast<std::int64_t>(text_pixels_max(context.input, frame));
  params.memory_bytes = context.memory_bytes;
  const ByteSpan source = as_bytes(options.text);
  std::unique_ptr<image::SvgDrawing> text;
  if (context.children == nullptr) {
    text = image::draw_here(source, params);
  } else {
    IMGRING_TRY(text, image::draw_in_child(*context.children, source, params, context.stop));
  }
  IMGRING_TRY(image::SvgSize size, text->look(1));
  const Size box = mark_box(options, frame);
  const bool fitted = box.width > 0 || box.height > 0;
  double drawn_at = 1;
  // Letters are not twice as wide at twice the size: what is more than a fiftieth off is drawn once
  // more.
  constexpr double kNear = 1.02;
  for (int tries = 0; fitted && tries < 2 && size.width > 0; ++tries) {
    const double larger = text_scale(size, box);
    if (larger >= 1 && larger <= kNear) break;
    if (larger * larger * size.width * size.height > static_cast<double>(params.pixels_max)) {
      return fail(ErrorCode::kResolutionTooLarge, "the watermark's text is wanted with over " +
                                                      std::to_string(params.pixels_max) +
                                                      " pixels; ask for a smaller one");
    }
    drawn_at *= larger;
    IMGRING_TRY(size, text->look(drawn_at));
  }
  if (size.width <= 0) return VipsImagePtr();
  IMGRING_TRY(VipsImagePtr drawn, text->draw());
  const double fit = text_scale(size, box);
  if (fitted && fit < 1) {
    IMGRING_TRY(drawn, vips::resize(drawn.get(), fit, fit, VIPS_KERNEL_LANCZOS3));
  }
  return image::copy_to_memory(drawn.get(), context.stop);
}

// Clockwise, with transparent corners.
Result<VipsImagePtr> rotated(VipsImagePtr mark, double degrees) {
  constexpr double kQuarter = 90;
  if (degrees == 0) return mark;
  if (std::fmod(degrees, kQuarter) == 0) {
    const auto quarters = static_cast<VipsAngle>(std::lround(degrees / kQuarter));
    return vips::call<vips_rot>("rotate watermark", mark.get(), quarters);
  }
  IMGRING_TRY(const VipsImagePtr multiplied, vips::premultiplied(mark.get()));
  IMGRING_TRY(const VipsImagePtr turned,
              vips::call<vips_similarity>("rotate watermark", multiplied.get(), "angle", degrees));
  IMGRING_TRY(const VipsImagePtr divided,
              vips::call<vips_unpremultiply>("unpremultiply", turned.get()));
  IMGRING_TRY(const VipsImagePtr same,
              vips::cast(divided.get(), vips_image_get_format(mark.get())));
  return vips::call<vips_copy>("rotate watermark", same.get(), "interpretation",
                               vips_image_get_interpretation(mark.get()));
}

// The shown area of a canvas that is larger than the mark by `margin` on each side: the mark over
// its own alpha, blurred, in black. What the blur reads beyond the area is in memory with it.
Result<VipsImagePtr> with_shadow(VipsImage* mark, double sigma, int margin, const Area& area,
                                 const image::StopFlag& stop) {
  const Size wide{area.width + 2 * margin, area.height + 2 * margin};
  IMGRING_TRY(const VipsImagePtr around,
              vips::on_canvas(mark, wide, {2 * margin - area.left, 2 * margin - area.top}));
  IMGRING_TRY(const VipsImagePtr held, image::copy_to_memory(around.get(), stop));
  const int colours = vips_image_get_bands(held.get()) - 1;
  const Area middle{margin, margin, area.width, area.height};
  IMGRING_TRY(const VipsImagePtr alpha, vips::bands(held.get(), colours, 1));
  IMGRING_TRY(const VipsImagePtr soft, blurred(alpha.get(), sigma, stop));
  IMGRING_TRY(const VipsImagePtr shade, vips::cut(soft.get(), middle));
  IMGRING_TRY(const VipsImagePtr above, vips::cut(held.get(), middle));
  IMGRING_TRY(const VipsImagePtr colour, vips::bands(above.get(), 0, colours));
  IMGRING_TRY(const VipsImagePtr none, vips::call<vips_linear1>("shadow", colour.get(), 0.0, 0.0));
  IMGRING_TRY(const VipsImagePtr black, vips::cast(none.get(), vips_image_get_format(mark)));
  IMGRING_TRY(const VipsImagePtr below, vips::join(black.get(), shade.get()));
  VipsImage* out = nullptr;
  if (vips_composite2(below.get(), above.get(), &out, VIPS_BLEND_MODE_OVER, "compositing_space",
                      vips_image_get_interpretation(above.get()), nullptr) != 0) {
    return std::unexpected(image::vips_failure("shadow"));
  }
  const VipsImagePtr owned(out);
  return vips::cast(owned.get(), vips_image_get_format(mark));
}

}  // namespace

Result<Mark> make_mark(const StepContext& context, Size frame) {
  const url::Watermark& options = mark_options(context);
  if (!options.written() && context.input.mark() == nullptr) {
    return fail(ErrorCode::kInternal, "a watermark is to be shown and there is none");
  }
  if (!options.whole()) return shown_part_of(context, frame);
  IMGRING_TRY(VipsImagePtr mark,
              options.written() ? written_mark(context, frame) : whole_mark(context, frame));
  if (mark == nullptr) return Mark{};
  IMGRING_TRY(mark, rotated(std::move(mark), options.rotate));
  const MarkPlace place = place_in(context, frame, vips::size_of(mark.get()));
  if (options.shadow <= 0) {
    IMGRING_TRY(VipsImagePtr cut, vips::cut(mark.get(), place.area()));
    return Mark{std::move(cut), place};
  }
  IMGRING_TRY(VipsImagePtr shaded, with_shadow(mark.get(), options.shadow, shadow_margin(options),
                                               place.area(), context.stop));
  return Mark{std::move(shaded), place};
}

}  // namespace imgring::pipeline::steps
