// The request log's lines, in imgproxy's words.
// Loop thread; log_summed() from any.
#pragma once

#include "imgring/base/error.h"
#include "imgring/service/request.h"
#include "imgring/service/shared.h"

namespace imgring::service {

// Started and Completed lines (server.md section 8). The first comes before anything is fetched;
// a request that is refused before that gets both at its end, or none when it is only counted.
void log_started(const Shared& shared, ImageRequest& request);
struct CompletedLine {
  int status = 0;
  double seconds = 0;
  const Error* error = nullptr;
  loop::Clock::time_point now{};
};
void log_completed(Shared& shared, ImageRequest& request, const CompletedLine& line);
// Of requests that were only counted, in seconds that are over by then.
void log_summed(Shared& shared, loop::Clock::time_point now);

}  // namespace imgring::service
