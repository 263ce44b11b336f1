// The resize, in linear light when configured (processing.md 8.3), and the one that keeps within
// what the result format holds.
#include "imgring/image/colour.h"
#include "steps.h"

namespace imgring::pipeline::steps {

namespace {

VipsKernel kernel_of(url::ResizingAlgorithm algorithm) noexcept {
  switch (algorithm) {
    case url::ResizingAlgorithm::kNearest: return VIPS_KERNEL_NEAREST;
    case url::ResizingAlgorithm::kLinear: return VIPS_KERNEL_LINEAR;
    case url::ResizingAlgorithm::kCubic: return VIPS_KERNEL_CUBIC;
    case url::ResizingAlgorithm::kLanczos2: return VIPS_KERNEL_LANCZOS2;
    case url::ResizingAlgorithm::kLanczos3: break;
  }
  return VIPS_KERNEL_LANCZOS3;
}

}  // namespace

Result<image::VipsImagePtr> scale(VipsImage* picture, const StepContext& context,
                                  const Step& step) {
  const VipsKernel kernel = kernel_of(context.input.pixels().resizing_algorithm);
  if (!context.input.config->use_linear_colorspace)
    return vips::resize(picture, step.width_scale, step.height_scale, kernel);
  const VipsInterpretation before = vips_image_get_interpretation(picture);
  IMGRING_TRY(image::VipsImagePtr linear, image::to_linear(picture));
  IMGRING_TRY(image::VipsImagePtr small,
              vips::resize(linear.get(), step.width_scale, step.height_scale, kernel));
  return image::to_interpretation(small.get(), before);
}

Result<image::VipsImagePtr> fix_size(VipsImage* picture, const StepContext&, const Step& step) {
  return vips::resize(picture, step.width_scale, step.height_scale, VIPS_KERNEL_LANCZOS3);
}

}  // namespace imgring::pipeline::steps
