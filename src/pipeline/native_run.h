// The seam between the native way and libvips: a plan is carried out natively to its end, or as far
// as it goes, with libvips behind it on a picture in memory.
// Owns nothing between calls. Helper threads only.
#pragma once

#include <optional>

#include "imgring/image/stop.h"
#include "imgring/pipeline/render.h"
#include "load.h"
#include "native.h"
#include "save_result.h"

namespace imgring::pipeline {

// The result, where all of the plan is native. Otherwise nullopt, and `loaded` has the picture that
// its native steps left, with steps_done; or is as it was, where there are none or the source is
// irregular.
Result<std::optional<Saved>> begin_natively(const RenderJob& job, Loaded* loaded,
                                            const PlanInput& input, const image::StopFlag& stop);

// What begin_natively would do with a JPEG without metadata, known without libvips, where that is
// all there is to do: nothing but pixels is wanted of it, and libvips need not open it.
std::optional<NativePlan> bare_plan(const RenderJob& job, const Opened& opened, const Plan& plan,
                                    const PlanInput& input) noexcept;
// nullopt: its rows are not written natively; or the source is irregular, which `irregular` tells,
// and begin_natively would only find so again.
Result<std::optional<Saved>> save_bare(const NativePlan& native, const PlanInput& input,
                                       const image::StopFlag& stop, bool* irregular);

}  // namespace imgring::pipeline
