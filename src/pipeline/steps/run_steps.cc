// The table of steps and the loop over a plan.
#include "steps.h"

namespace imgring::pipeline {
namespace {

struct StepRow {
  StepKind kind;
  steps::StepFunction run;
};
constexpr StepRow kSteps[] = {
    {StepKind::kTrim, nullptr},  // runs before the plan is final
    {StepKind::kToProcessing, steps::to_processing},
    {StepKind::kCrop, steps::crop},
    {StepKind::kScale, steps::scale},
    {StepKind::kTurn, steps::turn},
    {StepKind::kResultCrop, steps::crop},
    {StepKind::kFilters, steps::filters},
    {StepKind::kExtend, steps::embed},
    {StepKind::kExtendAspectRatio, steps::embed},
    {StepKind::kPadding, steps::embed},
    {StepKind::kFixSize, steps::fix_size},
    {StepKind::kFlatten, steps::flatten},
    {StepKind::kWatermark, steps::watermark},
};
static_assert(is_step_table(kSteps));

}  // namespace

Result<image::VipsImagePtr> run_steps(image::VipsImagePtr picture, Plan* plan,
                                      const PlanInput& input, const StepContext& context) {
  for (std::size_t i = 0; i < plan->steps.size(); ++i) {
    const Step step = plan->steps[i];
    IMGRING_TRY_VOID(vips::check_stop(context.stop));
    const steps::StepFunction run = kSteps[static_cast<std::size_t>(step.kind)].run;
    IMGRING_TRY(image::VipsImagePtr next, run(picture.get(), context, step));
    picture = std::move(next);
    const Size size = vips::size_of(picture.get());
    if (size != step.after) replan_after(plan, input, i, size);
  }
  return picture;
}

}  // namespace imgring::pipeline
