// native.h decides, image/native.h does it. Metadata goes beside the pixels, on a header: an image
// of libvips whose own pixels nobody asks for.
#include "native_run.h"

#include <utility>

#include "imgring/image/colour.h"
#include "imgring/image/metadata.h"
#include "native.h"
#include "vips_ops.h"

namespace imgring::pipeline {
namespace {

using image::NativeJob;
using image::VipsImagePtr;

// Any picture of the job's size and bands, with the source's metadata but for a profile that the
// job takes its colours out of.
Result<VipsImagePtr> native_header(const NativeJob& native, VipsImage* loaded) {
  IMGRING_TRY(VipsImagePtr sized,
              vips::call<vips_embed>("header", loaded, 0, 0, native.result_width(),
                                     native.result_height()));
  if (native.profile != nullptr) {
    IMGRING_TRY(sized, image::without_profile(sized.get()));
  }
  if (native.result_bands() == native.bands) return sized;
  return vips::bands(sized.get(), 0, native.result_bands());
}

// Broken pixels are libvips' business, which says what is broken.
template <class Made>
Result<std::optional<Made>> unless_irregular(Result<Made> made) {
  if (made) return std::optional<Made>(std::move(*made));
  if (image::is_answer(made.error())) return std::unexpected(std::move(made).error());
  return std::nullopt;
}

// As the step "colour to processing" leaves it, and without what a still picture has not: copies of
// a picture in memory would be made again for each step that wants one in memory.
Result<VipsImagePtr> front_header(const NativeJob& native, VipsImage* loaded) {
  IMGRING_TRY(VipsImagePtr sized, native_header(native, loaded));
  IMGRING_TRY(VipsImagePtr ready, image::to_processing(sized.get(), false));
  return vips::without_animation_fields(std::move(ready));
}

Result<void> make_front(const NativePlan& native, Loaded* loaded, const image::StopFlag& stop) {
  IMGRING_TRY(VipsImagePtr header, front_header(native.job, loaded->image.get()));
  IMGRING_TRY(std::optional<image::SmallPicture> small,
              unless_irregular(image::make_natively(native.job, stop)));
  if (!small) return {};
  IMGRING_TRY(loaded->image, image::as_memory_image(std::move(*small), header.get()));
  loaded->steps_done = native.steps;
  return {};
}

void tell_source(const RenderJob& job, const PlanInput& input, NativeJob* native) noexcept {
  native->source = job.source;
  native->scratch = job.scratch;
  native->own_jpeg_decoder = input.config->jpeg_decoder == config::JpegReader::kOwn;
}

// Native rows behind a finished header. nullopt: rows of libvips' pipeline are to be saved, or the
// source is irregular; `irregular` tells.
Result<std::optional<Saved>> save_behind(VipsImage* header, const NativeJob& job,
                                         const PlanInput& input, const image::StopFlag& stop,
                                         bool* irregular) {
  const image::SaveParams params = save_params(job.result_type, input);
  if (!image::can_save_natively(job, header, params)) return std::nullopt;
  IMGRING_TRY(std::optional<Bytes> bytes,
              unless_irregular(image::save_natively(job, header, params, stop)));
  *irregular = !bytes;
  if (!bytes) return std::nullopt;
  return Saved{std::move(*bytes), job.result_type};
}

Result<std::optional<Saved>> save_whole(const NativePlan& native, const Loaded& loaded,
                                        const PlanInput& input, const image::StopFlag& stop,
                                        bool* irregular) {
  IMGRING_TRY(VipsImagePtr plain, native_header(native.job, loaded.image.get()));
  IMGRING_TRY(VipsImagePtr header, finalised(plain.get(), input));
  return save_behind(header.get(), native.job, input, stop, irregular);
}

}  // namespace

Result<std::optional<Saved>> begin_natively(const RenderJob& job, Loaded* loaded,
                                            const PlanInput& input, const image::StopFlag& stop) {
  if (job.libvips_only) return std::nullopt;
  const std::optional<NativePixels> pixels = native_pixels(loaded->image.get());
  if (!pixels) return std::nullopt;
  std::optional<NativePlan> native = native_plan(loaded->plan, input, *pixels);
  if (!native) return std::nullopt;
  tell_source(job, input, &native->job);
  if (native->whole) {
    bool irregular = false;
    IMGRING_TRY(std::optional<Saved> saved, save_whole(*native, *loaded, input, stop, &irregular));
    if (saved || irregular) return saved;
  }
  if (native->front) IMGRING_TRY_VOID(make_front(*native, loaded, stop));
  return std::nullopt;
}

std::optional<NativePlan> bare_plan(const RenderJob& job, const Opened& opened, const Plan& plan,
                                    const PlanInput& input) noexcept {
  const int bands = opened.facts.bare_bands;
  const bool unopened = opened.image == nullptr && opened.drawing == nullptr;
  if (job.libvips_only || !unopened || bands == 0 || !input.options->strip_metadata ||
      plan.load.thumbnail) {
    return std::nullopt;
  }
  const NativePixels pixels{.bands = bands, .profile = false, .matrix = nullptr};
  std::optional<NativePlan> native = native_plan(plan, input, pixels);
  if (!native || !native->whole) return std::nullopt;
  tell_source(job, input, &native->job);
  return native;
}

Result<std::optional<Saved>> save_bare(const NativePlan& native, const PlanInput& input,
                                       const image::StopFlag& stop, bool* irregular) {
  const NativeJob& job = native.job;
  const VipsImagePtr header =
      image::bare_header(job.result_width(), job.result_height(), job.result_bands());
  set_metadata(header.get(), input);
  return save_behind(header.get(), job, input, stop, irregular);
}

}  // namespace imgring::pipeline
