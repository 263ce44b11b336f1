// render(): one request's way through processing.md section 3, from bytes to bytes.
// Owns everything of one job for the length of the call. Helper threads only.
// Promises: limits are checked before any pixel is decoded; one decode for each still picture but
// for vectors; nothing outlives the call but the result.
#include <algorithm>
#include <array>

#include "best_format.h"
#include "chain.h"
#include "frame_stack.h"
#include "hashsum.h"
#include "imgring/format/jpeg_scans.h"
#include "imgring/pipeline/render.h"
#include "imgring/svg/svg.h"
#include "load.h"
#include "native_run.h"
#include "rendition.h"
#include "save_result.h"
#include "steps/steps.h"

namespace imgring::pipeline {

LoadRequest load_request_of(const RenderJob& job, image::Shelter* shelter,
                            const image::StopFlag& stop) noexcept {
  return {job.source,   job.source_type, job.options,      job.config, &stop,
          job.children, shelter,         job.memory_bytes, job.log,    job.abilities};
}
namespace {

using image::VipsImagePtr;

image::Shelter::Settings shelter_of(const RenderJob& job, const image::StopFlag& stop) noexcept {
  return {job.children, job.config->sandbox, &stop, job.memory_bytes};
}

// Skipped: the limit is checked, SVG is sanitised, all else stays.
Result<RenderedImage> skipped(const RenderJob& job, const Opened& opened,
                              const image::StopFlag& stop) {
  IMGRING_TRY_VOID(check_resolution(opened.facts, 1, *job.options));
  RenderedImage out;
  out.type = job.source_type;
  out.origin_width = out.result_width = opened.origin.width;
  out.origin_height = out.result_height = opened.origin.height;
  out.same_as_source = job.source_type != ImageType::kSvg || !job.config->sanitize_svg;
  if (out.same_as_source) return out;
  IMGRING_TRY(std::string clean, svg::sanitize_svg(job.source, stop));
  out.bytes = Bytes::of(std::move(clean));
  return out;
}

// Trim leaves a picture whose size nobody could plan.
Result<void> apply_trim(const RenderJob& job, Loaded* loaded, PlanInput* input,
                        const image::StopFlag& stop) {
  const StepContext context{loaded->plan, *input, stop};
  IMGRING_TRY(VipsImagePtr trimmed,
              steps::trim(loaded->image.get(), context, loaded->plan.steps.front()));
  loaded->image = std::move(trimmed);
  input->facts = facts_of_image(loaded->image.get(), input->facts.type, 1);
  input->facts.rendered = true;
  input->trimmed = true;
  input->guard_shrink = 1;
  loaded->plan = make_plan(*input);
  IMGRING_TRY_VOID(check_sizes(loaded->plan));
  return check_grant(job, loaded->plan);
}

Result<VipsImagePtr> still_picture(const RenderJob& job, Loaded loaded, PlanInput* input,
                                   const image::StopFlag& stop) {
  IMGRING_TRY(VipsImagePtr still, vips::without_animation_fields(std::move(loaded.image)));
  loaded.image = std::move(still);
  if (loaded.plan.depends_on_pixels) IMGRING_TRY_VOID(apply_trim(job, &loaded, input, stop));
  PreparedWatermark watermark;
  const StepContext context{loaded.plan, *input, stop, &watermark, job.children, job.memory_bytes};
  IMGRING_TRY(VipsImagePtr done,
              run_steps(std::move(loaded.image), &loaded.plan, *input, context, loaded.steps_done));
  return Chain(job, *input, stop).run(std::move(done));
}

struct AnimationFields {
  std::vector<int> delays_ms;
  int loop = 0;
};

AnimationFields animation_fields_of(VipsImage* picture, int frames) {
  constexpr int kDefaultDelayMs = 40;
  AnimationFields fields;
  int* delays = nullptr;
  int count = 0;
  if (vips_image_get_typeof(picture, "delay") != G_TYPE_INVALID &&
      vips_image_get_array_int(picture, "delay", &delays, &count) == 0) {
    fields.delays_ms.assign(delays, delays + std::min(count, frames));
  }
  if (fields.delays_ms.empty())
    fields.delays_ms.assign(static_cast<std::size_t>(frames), kDefaultDelayMs);
  if (vips_image_get_typeof(picture, "loop") == G_TYPE_INT)
    vips_image_get_int(picture, "loop", &fields.loop);
  return fields;
}

// Frames go through the steps one by one and are joined (processing.md section 9).
Result<VipsImagePtr> animated_picture(const RenderJob& job, Loaded loaded, PlanInput* input,
                                      const image::StopFlag& stop) {
  const int frames = input->frames;
  const Size frame_size{loaded.plan.loaded.width, loaded.plan.loaded.height};
  const AnimationFields fields = animation_fields_of(loaded.image.get(), frames);
  PreparedWatermark watermark;
  Chain chain(job, *input, stop);
  FrameStack stack(frames);
  for (int i = 0; i < frames; ++i) {
    const Area area{0, i * frame_size.height, frame_size.width, frame_size.height};
    IMGRING_TRY(VipsImagePtr cut, vips::cut(loaded.image.get(), area));
    IMGRING_TRY(VipsImagePtr frame, vips::without_animation_fields(std::move(cut)));
    Plan plan = loaded.plan;
    const StepContext context{plan, *input, stop, &watermark, job.children, job.memory_bytes};
    IMGRING_TRY(VipsImagePtr first, run_steps(std::move(frame), &plan, *input, context));
    IMGRING_TRY(VipsImagePtr done, chain.run(std::move(first)));
    IMGRING_TRY_VOID(stack.append(done.get(), stop));
  }
  loaded.image.reset();
  VipsImagePtr joined = stack.image();
  vips_image_set_int(joined.get(), VIPS_META_PAGE_HEIGHT, stack.frame_height());
  vips_image_set_array_int(joined.get(), "delay", fields.delays_ms.data(),
                           static_cast<int>(fields.delays_ms.size()));
  vips_image_set_int(joined.get(), "loop", fields.loop);
  vips_image_set_int(joined.get(), VIPS_META_N_PAGES, frames);
  return joined;
}

RenderedImage native_image(Saved saved, const Plan& plan, Size origin) {
  RenderedImage out;
  out.origin_width = origin.width;
  out.origin_height = origin.height;
  out.result_width = plan.result.width;
  out.result_height = plan.result.height;
  out.native = true;
  out.type = saved.type;
  out.bytes = std::move(saved.bytes);
  return out;
}

// nullopt: the way of all others; `irregular`: which is libvips' then.
Result<std::optional<RenderedImage>> processed_bare(const RenderJob& job, const Opened& opened,
                                                    const PlanInput& input,
                                                    const image::StopFlag& stop, bool* irregular) {
  if (opened.facts.bare_bands == 0) return std::nullopt;
  const Plan plan = make_plan(input);
  const std::optional<NativePlan> native = bare_plan(job, opened, plan, input);
  if (!native) return std::nullopt;
  IMGRING_TRY_VOID(format::check_jpeg(job.source));  // as its loader does
  IMGRING_TRY_VOID(check_sizes(plan));
  IMGRING_TRY_VOID(check_grant(job, plan));
  IMGRING_TRY(std::optional<Saved> saved, save_bare(*native, input, stop, irregular));
  if (!saved) return std::nullopt;
  RenderedImage out = native_image(std::move(*saved), plan, opened.origin);
  out.bare = true;
  return out;
}

Result<RenderedImage> processed(const RenderJob& job, Opened opened, PlanInput input,
                                const image::StopFlag& stop) {
  bool irregular = false;
  IMGRING_TRY(std::optional<RenderedImage> bare,
              processed_bare(job, opened, input, stop, &irregular));
  if (bare) return std::move(*bare);
  IMGRING_TRY(Loaded loaded,
              load_planned(load_request_of(job, input.shelter, stop), std::move(opened), &input));
  IMGRING_TRY_VOID(check_sizes(loaded.plan));
  IMGRING_TRY_VOID(check_grant(job, loaded.plan));
  std::optional<Saved> native;
  if (!irregular) {
    IMGRING_TRY(native, begin_natively(job, &loaded, input, stop));
  }
  if (native) return native_image(std::move(*native), loaded.plan, loaded.origin);
  RenderedImage out;
  out.origin_width = loaded.origin.width;
  out.origin_height = loaded.origin.height;
  out.native_front = loaded.steps_done > 0;
  auto picture = input.frames > 1 ? animated_picture(job, std::move(loaded), &input, stop)
                                  : still_picture(job, std::move(loaded), &input, stop);
  if (!picture) return std::unexpected(std::move(picture).error());
  IMGRING_TRY(VipsImagePtr result, finalised(picture->get(), input));
  picture->reset();
  const Size size = vips::size_of(result.get());
  out.result_width = size.width;
  out.result_height = size.height / input.frames;
  IMGRING_TRY(Saved saved, save_result(std::move(result), {input, job.time, stop}));
  out.type = saved.type;
  out.bytes = std::move(saved.bytes);
  return out;
}

// Result format, frames and limits.
Result<PlanInput> input_of(const RenderJob& job, const Opened& opened) {
  PlanInput input;
  input.facts = opened.facts;
  input.options = job.options;
  input.config = job.config;
  input.configured_mark = job.watermark;
  input.fetched_marks = job.fetched_marks;
  IMGRING_TRY(ImageType type, choose_format(opened.facts, *job.options, *job.config));
  if (!job.abilities.can_save(type))
    return fail(ErrorCode::kResultUnsupported, "the result format cannot be saved");
  input.result_type = type;
  input.profile = profile_held(type, job.profile);
  if (opened.facts.animated && facts_of(type).animation_save && !opened.thumbnail)
    input.frames = std::min(opened.facts.pages, job.options->frames_max());
  IMGRING_TRY_VOID(check_resolution(opened.facts, input.frames, *job.options));
  if (input.frames == 1 && wants_best(*job.options, *job.config))
    set_candidates(best_candidates(input, job.abilities), &input);
  return input;
}

Result<RenderedImage> render_source(const RenderJob& job, const image::StopFlag& stop) {
  image::Shelter shelter(shelter_of(job, stop));
  IMGRING_TRY(Opened opened, open_source(load_request_of(job, &shelter, stop)));
  if (skips_processing(job.source_type, *job.options, *job.config)) {
    return skipped(job, opened, stop);
  }
  IMGRING_TRY(PlanInput input, input_of(job, opened));
  input.shelter = &shelter;
  return processed(job, std::move(opened), input, stop);
}

// The option style: the source with a sheet of the URL's in it is the source.
Result<RenderedImage> render_styled(RenderJob job, const image::StopFlag& stop) {
  IMGRING_TRY(const std::string styled, svg::with_style(job.source, job.options->style, stop));
  job.source = as_bytes(styled);
  IMGRING_TRY(RenderedImage out, render_source(job, stop));
  if (out.same_as_source) {
    out.same_as_source = false;
    out.bytes = Bytes::of(std::string(styled));
  }
  return out;
}

Result<RenderedImage> render_checked(const RenderJob& job, const image::StopFlag& stop) {
  IMGRING_TRY_VOID(vips::check_stop(stop));
  IMGRING_TRY_VOID(check_hashsum(job, stop));
  if (job.info != nullptr) return render_info(job, stop);
  const bool styled = facts_of(job.source_type).vector && !job.options->style.empty();
  return styled ? render_styled(job, stop) : render_source(job, stop);
}

}  // namespace

Result<RenderedImage> render(const RenderJob& job, const image::StopFlag& stop) {
  const image::ShortageWatch shortages;
  auto result = render_checked(job, stop);
  // A stopped job may have failed by the stop itself: the reason is what counts.
  if (!result) {
    auto stopped = vips::check_stop(stop);
    if (!stopped) return std::unexpected(std::move(stopped).error());
  }
  // Whatever looked at libvips' pixels, be it to crop by them: some may be black that are not.
  const bool by_libvips =
      result && !result->native && !result->same_as_source && job.info == nullptr;
  if (by_libvips) IMGRING_TRY_VOID(shortages.check());
  return result;
}

Result<VipsImagePtr> finished_picture(const RenderJob& job, image::Shelter* shelter,
                                      const image::StopFlag& stop) {
  const LoadRequest request = load_request_of(job, shelter, stop);
  IMGRING_TRY(Opened opened, open_source(request));
  IMGRING_TRY(PlanInput input, input_of(job, opened));
  input.shelter = shelter;
  IMGRING_TRY(Loaded loaded, load_planned(request, std::move(opened), &input));
  IMGRING_TRY_VOID(check_sizes(loaded.plan));
  IMGRING_TRY_VOID(check_grant(job, loaded.plan));
  IMGRING_TRY(const VipsImagePtr picture, still_picture(job, std::move(loaded), &input, stop));
  return finalised(picture.get(), input);
}

Result<Foreseen> foresee(const RenderJob& job) {
  const image::StopFlag stop;
  image::Shelter shelter(shelter_of(job, stop));
  IMGRING_TRY(Opened opened, open_source(load_request_of(job, &shelter, stop)));
  if (skips_processing(job.source_type, *job.options, *job.config)) return Foreseen{{}, true};
  IMGRING_TRY(PlanInput input, input_of(job, opened));
  apply_vector_guard(&input);
  return Foreseen{make_plan(input), false};
}

}  // namespace imgring::pipeline
