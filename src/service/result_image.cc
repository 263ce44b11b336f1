// The job, and what its result keeps of what was granted for it.
#include "imgring/service/result_image.h"

#include <algorithm>
#include <utility>

#include "imgring/service/refusals.h"
#include "imgring/service/render_picture.h"

namespace imgring::service {

namespace {

StopReason stop_reason(const loop::Scope& scope) noexcept {
  if (scope.reason() == loop::CancelReason::kClientGone) return StopReason::kClientGone;
  if (scope.reason() == loop::CancelReason::kShutdown) return StopReason::kShutdown;
  return StopReason::kTimeout;
}

// The source's own bytes are the result. They stay in the downloads' part, with what the kernel
// holds of them on their way; no reader may keep the turn of large downloads.
void pass_source(ResultImage& result, const SourcePtr& source, Shared& shared) {
  source->grant.turn.reset();
  mem::Grant& held = source->grant.bytes;
  const ByteSpan bytes = source->bytes.span();
  result.bytes = Bytes(bytes, source);
  if (held.bytes() == 0) return;
  static_cast<void>(held.add(sent_bytes(bytes.size()) - bytes.size()));
  result.of_part = mem::Part::kDownloads;
  auto counted = shared.ledger.sent_downloads().try_grant(held.bytes());
  if (counted) result.bytes.keep(std::move(*counted));
}

ResultPtr result_of(pipeline::RenderedImage image, const SourcePtr& source, Shared& shared) {
  auto result = std::make_shared<ResultImage>();
  result->type = image.type;
  result->origin_width = image.origin_width;
  result->origin_height = image.origin_height;
  result->result_width = image.result_width;
  result->result_height = image.result_height;
  result->origin = source->origin;
  result->bytes = std::move(image.bytes);
  if (image.same_as_source) pass_source(*result, source, shared);
  return result;
}

// Both waits of a job that is back.
void mark_times(Timeline& time, Timeline::Time begin, loop::Clock::duration queued,
                Timeline::Time end) {
  const auto started = std::min(begin + queued, end);
  time.add({.phase = Phase::kQueue, .begin = begin, .end = started});
  time.add({.phase = Phase::kProcessing, .begin = started, .end = end});
}

}  // namespace

loop::Task<Result<ResultPtr>> make_result(Services& services, loop::Scope& scope,
                                          ImageRequest& request, JobPtr job, Admission admission) {
  const loop::JobCost cost = admission.cost;
  auto work = [job, admission = std::move(admission), &shared = services.shared]() mutable {
    return render_picture(*job, admission.memory, shared);
  };
  const auto begin = services.loop.now();
  auto ticket = services.jobs.start(services.shared.helpers, std::move(work), cost);
  if (ticket == nullptr) {
    co_return std::unexpected(not_taken(services.shared.helpers, cost.lane));
  }
  auto image = co_await ticket->wait(scope);
  if (!image) {
    job->stop.stop(stop_reason(scope));
    services.metrics.cancelled_jobs.add();
    co_return std::unexpected(cancelled_error(scope, "the image is processed"));
  }
  mark_times(request.time, begin, ticket->queued_time(), services.loop.now());
  if (!*image) co_return std::unexpected(std::move(*image).error());
  co_return result_of(std::move(**image), job->source, services.shared);
}

}  // namespace imgring::service
