// The pipelines behind the first: each is given what the one before it left.
// Owns the watermarks that are made ready for their frames. Helper thread of the job.
#pragma once

#include <vector>

#include "imgring/image/stop.h"
#include "imgring/image/vips_image.h"
#include "imgring/pipeline/render.h"
#include "steps/steps.h"

namespace imgring::pipeline {

// A picture may turn out larger than its header, or a plan made before a trim, said: asks for the
// rest before a pixel of it is made.
Result<void> check_grant(const RenderJob& job, const Plan& plan);

class Chain {
 public:
  // All must outlive it. `input`: the first pipeline's.
  Chain(const RenderJob& job, const PlanInput& input, const image::StopFlag& stop);

  // One frame through its pipelines, the first of which was given it already.
  Result<image::VipsImagePtr> run(image::VipsImagePtr frame);

 private:
  Result<image::VipsImagePtr> run_one(image::VipsImagePtr frame, std::size_t pipeline);

  const RenderJob& job_;
  const PlanInput& input_;
  const image::StopFlag& stop_;
  std::vector<PreparedWatermark> watermarks_;  // by pipeline, for all frames
};

}  // namespace imgring::pipeline
