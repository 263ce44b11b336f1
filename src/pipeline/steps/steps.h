// The steps of the main pipeline: each takes a picture and gives a picture, one file each.
// Owns nothing; pictures are lazy unless a step says it copies to memory. Helper threads only.
#pragma once

#include "../vips_ops.h"
#include "imgring/image/stop.h"
#include "imgring/pipeline/plan.h"
#include "imgring/pipeline/render.h"
#include "imgring/sandbox/children.h"

namespace imgring::pipeline {

// A watermark made ready for frames of one size.
struct PreparedWatermark {
  image::VipsImagePtr image;  // its shown part or a tile in memory, faded, no metadata
  Position at;
  bool made = false;  // without an image: there is nothing to be seen of it
};

struct StepContext {
  const Plan& plan;
  const PlanInput& input;
  const image::StopFlag& stop;
  // Made by the first frame that needs it.
  PreparedWatermark* watermark = nullptr;
  sandbox::Children* children = nullptr;  // for a watermark that a child loads
  std::uint64_t memory_bytes = 0;         // that such a child may take; 0: no bound (tests)
};

namespace steps {

using StepFunction = Result<image::VipsImagePtr> (*)(VipsImage* image, const StepContext& context,
                                                     const Step& step);

// One for each step of the list. Trim is done before the plan of what it leaves can be made: it
// prepares colours itself, copies to memory, and cuts.
#define IMGRING_STEP_FUNCTION(kind, function, name) \
  Result<image::VipsImagePtr> function(VipsImage*, const StepContext&, const Step&);
IMGRING_STEPS(IMGRING_STEP_FUNCTION)
#undef IMGRING_STEP_FUNCTION

}  // namespace steps

// Runs the plan's steps from `first` on; the plan is corrected where a size surprises.
Result<image::VipsImagePtr> run_steps(image::VipsImagePtr picture, Plan* plan,
                                      const PlanInput& input, const StepContext& context,
                                      std::size_t first = 0);

}  // namespace imgring::pipeline
