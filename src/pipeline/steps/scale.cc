// The resize, in linear light when configured (processing.md 8.3), and the one that keeps within
// what the result format holds.
#include "imgring/image/colour.h"
#include "steps.h"

namespace imgring::pipeline::steps {

Result<image::VipsImagePtr> scale(VipsImage* picture, const StepContext& context,
                                  const Step& step) {
  if (!context.input.config->use_linear_colorspace)
    return vips::resize(picture, step.width_scale, step.height_scale);
  const VipsInterpretation before = vips_image_get_interpretation(picture);
  IMGRING_TRY(image::VipsImagePtr linear, image::to_linear(picture));
  IMGRING_TRY(image::VipsImagePtr small,
              vips::resize(linear.get(), step.width_scale, step.height_scale));
  return image::to_interpretation(small.get(), before);
}

Result<image::VipsImagePtr> fix_size(VipsImage* picture, const StepContext&, const Step& step) {
  return vips::resize(picture, step.width_scale, step.height_scale);
}

}  // namespace imgring::pipeline::steps
