// Memory a job will hold at most and CPU time it will take, told before it starts (decision 9).
// Reads headers only: cheap enough for a loop thread, no libvips. Any thread.
#pragma once

#include <cstdint>

#include "imgring/pipeline/plan_work.h"
#include "imgring/pipeline/render.h"

namespace imgring::pipeline {

// From the plan where the header can be read without libvips, else from the size of the file; the
// source's own bytes are not in it.
struct Estimate {
  std::int64_t bytes = 0;
  PlannedWork work;
};
Estimate estimate(const RenderJob& job);

}  // namespace imgring::pipeline
