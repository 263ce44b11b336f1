// The loop over the steps of a plan.
#include "steps.h"

namespace imgring::pipeline {
namespace {

constexpr steps::StepFunction kFunctions[] = {
#define IMGRING_STEP_FUNCTION(kind, function, name) steps::function,
    IMGRING_STEPS(IMGRING_STEP_FUNCTION)
#undef IMGRING_STEP_FUNCTION
};

}  // namespace

Result<image::VipsImagePtr> run_steps(image::VipsImagePtr picture, Plan* plan,
                                      const PlanInput& input, const StepContext& context,
                                      std::size_t first) {
  for (std::size_t i = first; i < plan->steps.size(); ++i) {
    const Step step = plan->steps[i];
    IMGRING_TRY_VOID(vips::check_stop(context.stop));
    const steps::StepFunction run = kFunctions[index_of(step.kind)];
    IMGRING_TRY(image::VipsImagePtr next, run(picture.get(), context, step));
    picture = std::move(next);
    if (step.smart) {
      // What libvips found, for those who follow parts of the source.
      plan->steps[i].area.left = -vips_image_get_xoffset(picture.get());
      plan->steps[i].area.top = -vips_image_get_yoffset(picture.get());
    }
    const Size size = vips::size_of(picture.get());
    if (size != step.after) replan_after(plan, input, i, size);
  }
  return picture;
}

}  // namespace imgring::pipeline
