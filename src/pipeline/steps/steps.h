// The steps of the main pipeline: each takes a picture and gives a picture, one file each.
// Owns nothing; pictures are lazy unless a step says it copies to memory. Helper threads only.
#pragma once

#include "../vips_ops.h"
#include "imgring/image/stop.h"
#include "imgring/pipeline/plan.h"
#include "imgring/pipeline/render.h"

namespace imgring::pipeline {

// A watermark made ready for frames of one size.
struct PreparedWatermark {
  image::VipsImagePtr image;  // in memory, no metadata
  Position at;
  double opacity = 0;
};

struct StepContext {
  const Plan& plan;
  const PlanInput& input;
  const image::StopFlag& stop;
  const AuxImage* watermark_source;
  // Made by the first frame that needs it; empty image: lies outside.
  PreparedWatermark* watermark;
  image::SvgChildren* svg_children = nullptr;  // for a watermark that is an SVG
};

namespace steps {

using StepFunction = Result<image::VipsImagePtr> (*)(VipsImage* image, const StepContext& context,
                                                     const Step& step);

Result<image::VipsImagePtr> to_processing(VipsImage*, const StepContext&, const Step&);
Result<image::VipsImagePtr> crop(VipsImage*, const StepContext&, const Step&);
Result<image::VipsImagePtr> scale(VipsImage*, const StepContext&, const Step&);
Result<image::VipsImagePtr> turn(VipsImage*, const StepContext&, const Step&);
Result<image::VipsImagePtr> filters(VipsImage*, const StepContext&, const Step&);
Result<image::VipsImagePtr> embed(VipsImage*, const StepContext&, const Step&);
Result<image::VipsImagePtr> fix_size(VipsImage*, const StepContext&, const Step&);
Result<image::VipsImagePtr> flatten(VipsImage*, const StepContext&, const Step&);
Result<image::VipsImagePtr> watermark(VipsImage*, const StepContext&, const Step&);
// Colour to processing, copy to memory, cut. The plan has to be made anew for what is left.
Result<image::VipsImagePtr> trim(VipsImage*, const StepContext&, const Step&);

}  // namespace steps

// Runs the plan's steps from `first` on; the plan is corrected where a size surprises.
Result<image::VipsImagePtr> run_steps(image::VipsImagePtr picture, Plan* plan,
                                      const PlanInput& input, const StepContext& context);

}  // namespace imgring::pipeline
