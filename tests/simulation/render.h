// What stands for pipeline::render: it takes its time on a helper's fiber, looks at the stop flag
// or does not, and gives a result of some size.
// Promises: a seed fails when the source is not, byte for byte, what a source sent.
#pragma once

#include "imgring/pipeline/render.h"

namespace imgring::simulation {

Result<pipeline::RenderedImage> render(const pipeline::RenderJob& job, const StopFlag& stop);

}  // namespace imgring::simulation
