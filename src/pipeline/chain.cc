// Plans are made for the picture that is really there: trim and smart crop surprise.
#include "chain.h"

#include <utility>

#include "area_map.h"
#include "imgring/image/encoder.h"
#include "load.h"

namespace imgring::pipeline {
namespace {

using image::VipsImagePtr;

// Nothing of the picture's own may count once more: it is upright, and whole.
Result<VipsImagePtr> as_new(VipsImage* picture) {
  IMGRING_TRY(VipsImagePtr own, vips::copy(picture));
  vips_autorot_remove_angle(own.get());
  vips_image_remove(own.get(), kTrimmedField);
  return own;
}

}  // namespace

Result<void> check_grant(const RenderJob& job, const Plan& plan) {
  const bool enough = static_cast<std::uint64_t>(plan.planned_bytes) <= job.memory_bytes;
  if (enough || !job.more_memory) return {};
  return job.more_memory({plan.planned_bytes, plan.certain_bytes});
}

Chain::Chain(const RenderJob& job, const PlanInput& input, const image::StopFlag& stop)
    : job_(job), input_(input), stop_(stop), watermarks_(input.options->pipelines.size()) {}

Result<VipsImagePtr> Chain::run(VipsImagePtr frame) {
  for (std::size_t i = 1; i < watermarks_.size(); ++i) {
    IMGRING_TRY(frame, run_one(std::move(frame), i));
    // What showed it is in memory by now.
    if (input_.frames == 1) watermarks_[i - 1] = {};
  }
  return frame;
}

Result<VipsImagePtr> Chain::run_one(VipsImagePtr frame, std::size_t pipeline) {
  IMGRING_TRY_VOID(vips::check_stop(stop_));
  IMGRING_TRY(frame, as_new(frame.get()));
  const auto facts = [this](VipsImage* picture) {
    return facts_of_image(picture, input_.facts.type, 1);
  };
  PlanInput input = input_behind(input_, pipeline, facts(frame.get()));
  Plan plan = plan_behind(input);
  IMGRING_TRY_VOID(check_inner_sizes(plan, input));
  if (wants_memory(plan)) {
    IMGRING_TRY(frame, image::copy_to_memory(frame.get(), stop_));
  }
  if (plan.depends_on_pixels) {
    const StepContext context{plan, input, stop_};
    IMGRING_TRY(frame, steps::trim(frame.get(), context, plan.steps.front()));
    input = input_behind(input_, pipeline, facts(frame.get()));
    input.trimmed = true;
    plan = plan_behind(input);
    IMGRING_TRY_VOID(check_inner_sizes(plan, input));
    IMGRING_TRY_VOID(check_grant(job_, make_plan_for_loaded(input, {}, input.facts)));
  }
  const StepContext context{
      plan, input, stop_, &watermarks_[pipeline], job_.children, job_.memory_bytes};
  return run_steps(std::move(frame), &plan, input, context);
}

}  // namespace imgring::pipeline
