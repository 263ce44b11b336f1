// Second stage: whether a job for the request would find a place and a helper in time. Asked before
// its source is: what could not start in time costs its source nothing.
// Plain functions; loop thread.
#pragma once

#include <optional>

#include "imgring/base/error.h"
#include "imgring/service/request.h"
#include "imgring/service/services.h"

namespace imgring::service {

// The lane, as far as the URL tells: some formats take long for any picture.
std::optional<loop::Lane> lane_asked_for(const url::RequestOptions& options);
// Reads request.lane. Counts what it refuses.
Result<void> check_queue(Services& services, const ImageRequest& request);

}  // namespace imgring::service
