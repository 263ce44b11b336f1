// See the header.
#include "native.h"

#include "imgring/image/colour.h"

namespace imgring::pipeline {
namespace {

using image::NativeJpegJob;
using image::ResizeAxis;

bool reducible(const Step& step) noexcept {
  const auto within = [](double scale) {
    return scale <= 1 && 1 / scale < image::kNativeShrinkMax;
  };
  return within(step.width_scale) && within(step.height_scale);
}

// Before the resize: the part that is resized.
void cut_source(NativeJpegJob* job, const Area& area) noexcept {
  job->across = {area.left, area.width, area.width, 1, 0, area.width};
  job->down = {area.top, area.height, area.height, 1, 0, area.height};
}

void resize_axis(ResizeAxis* axis, int resized, double scale) noexcept {
  axis->resized = axis->count = resized;
  axis->shrink = 1 / scale;
}

void cut_result(NativeJpegJob* job, const Area& area) noexcept {
  job->across.first = area.left;
  job->across.count = area.width;
  job->down.first = area.top;
  job->down.count = area.height;
}

// False: a step that is not done here.
bool add_step(NativeJpegJob* job, const Step& step, const config::ProcessingConfig& config) {
  switch (step.kind) {
    case StepKind::kToProcessing:
    case StepKind::kFlatten:  // a JPEG has no alpha
      return true;
    case StepKind::kCrop:
      cut_source(job, step.area);
      return !step.smart;
    case StepKind::kScale:
      resize_axis(&job->across, step.after.width, step.width_scale);
      resize_axis(&job->down, step.after.height, step.height_scale);
      return reducible(step) && !config.use_linear_colorspace;
    case StepKind::kResultCrop:
      cut_result(job, step.area);
      return !step.smart;
    default:
      return false;
  }
}

}  // namespace

std::optional<NativeJpegJob> native_job(const Plan& plan, const PlanInput& input) noexcept {
  const bool jpeg = plan.loaded.type == ImageType::kJpeg && input.facts.type == ImageType::kJpeg &&
                    plan.result_type == ImageType::kJpeg;
  if (!jpeg || plan.frames > 1 || plan.depends_on_pixels || input.trimmed) return std::nullopt;
  if (plan.loaded.alpha || plan.load.scale != 1 || input.options->max_bytes > 0)
    return std::nullopt;
  NativeJpegJob job;
  job.shrink = plan.load.shrink;
  job.loaded_width = plan.loaded.width;
  job.loaded_height = plan.loaded.height;
  cut_source(&job, {0, 0, plan.loaded.width, plan.loaded.height});
  for (const Step& step : plan.steps) {
    if (!add_step(&job, step, *input.config)) return std::nullopt;
  }
  return job;
}

bool has_native_pixels(VipsImage* loaded) noexcept {
  const bool plain = vips_image_get_bands(loaded) == 3 &&
                     vips_image_get_format(loaded) == VIPS_FORMAT_UCHAR &&
                     vips_image_get_coding(loaded) == VIPS_CODING_NONE &&
                     vips_image_get_interpretation(loaded) == VIPS_INTERPRETATION_sRGB;
  if (!plain || image::profile_imported(loaded)) return false;
  return vips_image_get_typeof(loaded, VIPS_META_ICC_NAME) == 0 ||
         image::has_standard_srgb_profile(loaded);
}

}  // namespace imgring::pipeline
