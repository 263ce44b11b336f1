// What a plan takes against what there is.
#include "imgring/service/admission.h"

#include <algorithm>
#include <string>

#include "imgring/format/format.h"
#include "imgring/pipeline/estimate.h"
#include "imgring/service/refusals.h"

namespace imgring::service {

Result<void> check_certain_bytes(std::int64_t certain_bytes, const Shared& shared) {
  const std::uint64_t most = shared.plans().max();
  if (static_cast<std::uint64_t>(certain_bytes) <= most) return {};
  const auto mib = [](auto bytes) { return std::to_string(bytes >> 20); };
  return fail(ErrorCode::kResultTooLarge,
              "making this result takes at least " + mib(certain_bytes) +
                  " MiB, and all results together may take " + mib(most) +
                  " MiB; ask for fewer pixels, or raise the memory limit (IMGRING_MEMORY_LIMIT)");
}

namespace {

// A child may map what its job was granted, and no more. What an SVG needs is known least of all,
// and what the jobs before it left in the child is known to nobody: where there is plenty it gets
// more than the estimate.
std::uint64_t bytes_for(const pipeline::Estimate& planned, const Shared& shared) noexcept {
  constexpr std::uint64_t kPlentyPart = 32;                      // so many at once, at least
  constexpr std::uint64_t kPlentyMost = std::uint64_t{1} << 30;  // what a child may map in all
  const auto bytes = static_cast<std::uint64_t>(planned.bytes);
  if (!planned.drawn) return bytes;
  return std::max(bytes, std::min(shared.plans().max() / kPlentyPart, kPlentyMost));
}

loop::JobCost cost_of(const pipeline::Estimate& planned) noexcept {
  return {.lane = planned.work.patient() ? loop::Lane::kPatient : loop::Lane::kQuick,
          .work = planned.work.all(),
          .least = planned.work.least,
          .large = planned.large};
}

// A job that would only get a helper when its time is over is refused before it waits
// (hardening.md section 6, rule 3), and so is one that is certain to take longer than what is left
// then: encoders of HEIC know no stop, and a lane that works for clients who have left is closed to
// all others.
Result<void> check_start(Services& services, loop::JobCost cost, Timeline::Time due) {
  const auto end = services.shared.helpers.lane(cost.lane).expected_end(cost.least);
  const auto left = due - services.loop.now();
  if (end < left) return {};
  return std::unexpected(refuse_late(services.metrics, end, left));
}

loop::Task<Result<MemoryGrant>> wait_for_bytes(Services& services, loop::Scope& scope,
                                               ImageRequest& request, std::uint64_t bytes,
                                               loop::Lane lane) {
  const RunningPhase phase(request.time, Phase::kMemory, services.loop);
  services.metrics.memory_waiting.add();
  Result<MemoryGrant> memory = co_await services.memory.enter(scope, bytes, lane);
  services.metrics.memory_waiting.sub();
  if (memory) co_return memory;
  if (scope.reason() == loop::CancelReason::kClientGone) {
    co_return std::unexpected(cancelled_error(scope, "waiting for memory"));
  }
  services.metrics.count_refusal(observe::Refusal::kMemory);
  co_return memory;
}

}  // namespace

loop::Task<Result<Admission>> admit(Services& services, loop::Scope& scope, ImageRequest& request,
                                    const PictureJob& job) {
  const int queue = request.config().server.requests_queue_size;
  if (!services.shared.job_admitted(queue)) {
    co_return std::unexpected(refuse_job(services.metrics, queue));
  }
  JobSlot slot(services.shared);
  const pipeline::Estimate planned = pipeline::estimate(job.render, job.source->facts);
  IMGRING_CO_TRY_VOID(check_certain_bytes(planned.certain_bytes, services.shared));
  const loop::JobCost cost = cost_of(planned);
  IMGRING_CO_TRY_VOID(check_start(services, cost, request.time.due()));
  const std::uint64_t bytes = bytes_for(planned, services.shared);
  IMGRING_CO_TRY(MemoryGrant memory,
                 co_await wait_for_bytes(services, scope, request, bytes, cost.lane));
  co_return Admission{std::move(slot), std::move(memory), cost};
}

}  // namespace imgring::service
