// The table of steps and the loop over a plan.
#include "steps.h"

namespace imgring::pipeline {
namespace {

constexpr steps::StepFunction kFunctions[] = {
    nullptr,        // trim runs before the plan is final
    steps::to_processing, steps::crop, steps::scale, steps::turn, steps::crop,
    steps::filters, steps::embed, steps::embed, steps::embed, steps::fix_size, steps::flatten,
    steps::watermark};
static_assert(std::size(kFunctions) == static_cast<std::size_t>(StepKind::kEnd));

}  // namespace

Result<image::VipsImagePtr> run_steps(image::VipsImagePtr picture, Plan* plan,
                                      const PlanInput& input, const StepContext& context) {
  for (std::size_t i = 0; i < plan->steps.size(); ++i) {
    const Step step = plan->steps[i];
    IMGRING_TRY_VOID(vips::check_stop(context.stop));
    const steps::StepFunction run = kFunctions[static_cast<std::size_t>(step.kind)];
    IMGRING_TRY(image::VipsImagePtr next, run(picture.get(), context, step));
    picture = std::move(next);
    const Size size = vips::size_of(picture.get());
    if (size != step.after) replan_after(plan, input, i, size);
  }
  return picture;
}

}  // namespace imgring::pipeline
