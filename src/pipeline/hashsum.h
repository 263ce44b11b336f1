// Hash sums of sources, and the option hashsum: whether the source is what the URL's author saw.
// Plain functions; helper threads.
#pragma once

#include <string>

#include "imgring/base/digest.h"
#include "imgring/base/stop.h"
#include "imgring/pipeline/render.h"

namespace imgring::pipeline {

// Its bytes. kInternal: this OpenSSL has no such sum.
Result<std::string> sum_of(ByteSpan source, DigestKind kind, const StopFlag& stop);
// kHashsumMismatch, naming both sums. A picture in the place of the source is not looked at.
Result<void> check_hashsum(const RenderJob& job, const StopFlag& stop);
// CPU time it will take.
std::chrono::microseconds hashsum_time(const RenderJob& job) noexcept;

}  // namespace imgring::pipeline
