// native.h decides, image/native.h does it. Metadata goes beside the pixels, on a header: an image
// of libvips whose own pixels nobody asks for.
#include "native_run.h"

#include <utility>

#include "imgring/image/colour.h"
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

// nullopt: rows of libvips' pipeline are to be saved, or the source is irregular; `irregular`
// tells.
Result<std::optional<Saved>> save_whole(const NativePlan& native, const Loaded& loaded,
                                        const PlanInput& input, const image::StopFlag& stop,
                                        bool* irregular) {
  const NativeJob& job = native.job;
  IMGRING_TRY(VipsImagePtr plain, native_header(job, loaded.image.get()));
  IMGRING_TRY(VipsImagePtr header, finalised(plain.get(), input));
  const image::SaveParams params = save_params(job.result_type, input);
  if (!image::can_save_natively(job, header.get(), params)) return std::nullopt;
  IMGRING_TRY(std::optional<Bytes> bytes,
              unless_irregular(image::save_natively(job, header.get(), params, stop)));
  *irregular = !bytes;
  if (!bytes) return std::nullopt;
  return Saved{std::move(*bytes), job.result_type};
}

}  // namespace

Result<std::optional<Saved>> begin_natively(const RenderJob& job, Loaded* loaded,
                                            const PlanInput& input, const image::StopFlag& stop) {
  if (job.libvips_only) return std::nullopt;
  const std::optional<NativePixels> pixels = native_pixels(loaded->image.get());
  if (!pixels) return std::nullopt;
  std::optional<NativePlan> native = native_plan(loaded->plan, input, *pixels);
  if (!native) return std::nullopt;
  native->job.source = job.source;
  native->job.scratch = job.scratch;
  native->job.own_jpeg_decoder = input.config->jpeg_decoder == config::JpegReader::kOwn;
  if (native->whole) {
    bool irregular = false;
    IMGRING_TRY(std::optional<Saved> saved, save_whole(*native, *loaded, input, stop, &irregular));
    if (saved || irregular) return saved;
  }
  if (native->front) IMGRING_TRY_VOID(make_front(*native, loaded, stop));
  return std::nullopt;
}

}  // namespace imgring::pipeline
