// The option hashsum: whether the source is what the URL's author saw.
// Plain functions; helper threads.
#pragma once

#include "imgring/base/stop.h"
#include "imgring/pipeline/render.h"

namespace imgring::pipeline {

// kHashsumMismatch, naming both sums. A picture in the place of the source is not looked at.
Result<void> check_hashsum(const RenderJob& job, const StopFlag& stop);
// CPU time it will take.
std::chrono::microseconds hashsum_time(const RenderJob& job) noexcept;

}  // namespace imgring::pipeline
