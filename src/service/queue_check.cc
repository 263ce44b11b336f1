// The queue as far as it is known before a source is: lanes, jobs to come, scouts.
#include "imgring/service/queue_check.h"

#include <chrono>

#include "imgring/pipeline/plan_work.h"
#include "imgring/service/refusals.h"

namespace imgring::service {

namespace {

// Whose answer may need no helper: 304.
bool is_conditional(const http::Headers& client) {
  return client.has("if-none-match") || client.has("if-modified-since");
}

loop::Backlog::Work wait_of(const Services& services, const ImageRequest& request,
                            loop::Lane lane) {
  // Sources that never come must not close the lanes: they count as a quarter of the time at most.
  const loop::Backlog::Work before_max =
      std::chrono::seconds(request.config().server.timeout_s) / 4;
  const auto& coming = services.shared.coming[static_cast<std::size_t>(lane)];
  return services.shared.helpers.lane(lane).expected_wait(
      static_cast<std::size_t>(coming.load(std::memory_order_relaxed)), before_max);
}

// Of those whose lane only their source tells, so many a core are still let in when the quick lane
// is too long for them: one may be for the other lane. All of them would be refused once their
// sources are there, which at ten times what a server can do was most of what its loops did.
constexpr std::chrono::milliseconds kScoutEvery(20);

bool scout_due(Services& services) noexcept {
  const auto now = services.loop.now();
  if (now < services.next_scout) return false;
  services.next_scout = now + kScoutEvery;
  return true;
}

}  // namespace

std::optional<loop::Lane> lane_asked_for(const url::RequestOptions& options) {
  if (options.skip_processing.bits != 0 || options.format == ImageType::kUnknown) return {};
  const pipeline::UnreadSource smallest{
      .source = ImageType::kJpeg, .result = options.format, .pixels = 1};
  if (!pipeline::planned_work(smallest).patient()) return {};
  return loop::Lane::kPatient;
}

// Where the lane is not known it is the quick one, but for a few that find out.
Result<void> check_queue(Services& services, const ImageRequest& request) {
  const int queue = request.config().server.requests_queue_size;
  if (!services.shared.job_room(queue)) {
    return std::unexpected(refuse_job(services.metrics, queue));
  }
  if (is_conditional(request.request->headers)) return {};
  const auto left = request.time.due() - services.loop.now();
  const auto wait = wait_of(services, request, request.lane.value_or(loop::Lane::kQuick));
  if (wait < left) return {};
  const bool other_lane = !request.lane && wait_of(services, request, loop::Lane::kPatient) < left;
  if (other_lane && scout_due(services)) return {};
  return std::unexpected(refuse_late(services.metrics, wait, left));
}

}  // namespace imgring::service
