// Their texts.
#include "imgring/service/refusals.h"

#include <chrono>
#include <string>

#include "imgring/service/shared.h"

namespace imgring::service {

namespace {

std::string seconds_text(loop::Clock::duration time) {
  constexpr std::int64_t kMsPerTenth = 100;
  const auto tenths = std::chrono::duration_cast<std::chrono::milliseconds>(time) / kMsPerTenth;
  return std::to_string(tenths.count() / 10) + "." + std::to_string(tenths.count() % 10) + " s";
}

}  // namespace

Error cancelled_error(const loop::Scope& scope, std::string_view where) {
  using loop::CancelReason;
  switch (scope.reason()) {
    case CancelReason::kDeadline:
      return Error(ErrorCode::kTimeout, "IMGPROXY_TIMEOUT is over while " + std::string(where));
    case CancelReason::kShutdown: return Error(ErrorCode::kTimeout, "the server stops");
    case CancelReason::kOverload: return Error(ErrorCode::kOverloaded, std::string(where));
    case CancelReason::kNone:
    case CancelReason::kDone:
    case CancelReason::kClientGone: break;
  }
  return Error(ErrorCode::kCancelled, "the client left while " + std::string(where));
}

Error refuse_job(observe::CoreMetrics& metrics, int queue_size) {
  const bool queue = queue_size > 0;
  metrics.count_refusal(queue ? observe::Refusal::kQueueFull : observe::Refusal::kJobs);
  return Error(queue ? ErrorCode::kTooManyRequests : ErrorCode::kOverloaded,
               queue ? "all helpers are busy and " + std::to_string(queue_size) +
                           " requests wait (IMGPROXY_REQUESTS_QUEUE_SIZE)"
                     : std::to_string(kJobsMax) +
                           " pictures wait or are made, which is the most there may be");
}

Error refuse_late(observe::CoreMetrics& metrics, loop::Backlog::Work end,
                  loop::Clock::duration left) {
  metrics.count_refusal(observe::Refusal::kDeadline);
  return Error(ErrorCode::kOverloaded, "the helpers would need " + seconds_text(end) +
                                           " or more, " + seconds_text(left) +
                                           " are left of IMGPROXY_TIMEOUT");
}

Error not_taken(const loop::HelperPool& helpers, loop::Lane lane) {
  const bool any = helpers.lane(lane).started() > 0;
  return Error(ErrorCode::kOverloaded, any ? "the helpers' queue is full"
                                           : "no helper could be started: RLIMIT_NPROC or TasksMax "
                                             "is too low");
}

Error untaken_error(bool ended) {
  return Error(ErrorCode::kCancelled,
               ended ? "the client read too slowly while others waited for the memory of the "
                       "answer (raise the memory limit, or put a cache in between)"
                     : "the client did not take the answer");
}

}  // namespace imgring::service
