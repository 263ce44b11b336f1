// The seam between the native way and libvips: a plan is carried out natively to its end, or as far
// as it goes, with libvips behind it on a picture in memory.
// Owns nothing between calls. Helper threads only.
#pragma once

#include <optional>

#include "imgring/image/stop.h"
#include "imgring/pipeline/render.h"
#include "load.h"
#include "save_result.h"

namespace imgring::pipeline {

// The result, where all of the plan is native. Otherwise nullopt, and `loaded` has the picture that
// its native steps left, with steps_done; or is as it was, where there are none or the source is
// irregular.
Result<std::optional<Saved>> begin_natively(const RenderJob& job, Loaded* loaded,
                                            const PlanInput& input, const image::StopFlag& stop);

}  // namespace imgring::pipeline
