// Crops, before and after the resize: place planned, or found by libvips in a copy in memory.
#include "imgring/image/encoder.h"
#include "steps.h"

namespace imgring::pipeline::steps {

Result<image::VipsImagePtr> crop(VipsImage* picture, const StepContext& context, const Step& step) {
  if (!step.smart) return vips::cut(picture, step.area);
  IMGRING_TRY(image::VipsImagePtr memory, image::copy_to_memory(picture, context.stop));
  return vips::call<vips_smartcrop>("smartcrop", memory.get(), step.area.width, step.area.height);
}

}  // namespace imgring::pipeline::steps
