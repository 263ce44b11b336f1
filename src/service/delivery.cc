// Sending, and what became of it.
#include "imgring/service/delivery.h"

#include "imgring/service/refusals.h"

namespace imgring::service {

void pace(const Answer& answer, http::Responder& responder) noexcept {
  if (!answer.error) return;
  const ErrorCode code = answer.error->code;
  const bool refused = code == ErrorCode::kOverloaded || code == ErrorCode::kTooManyRequests;
  if (refused) responder.take_slot(http::RefusalPace::kRefusalSlot);
}

loop::Task<void> deliver(Services& services, ImageRequest& request, http::Responder& responder,
                         Answer& answer) {
  const RunningPhase phase(request.time, Phase::kStreaming, services.loop);
  const SlowReaders::Sending sending(services.readers, responder,
                                     {answer.of_part, answer.body.size()});
  const bool sent = co_await responder.send(answer.response, answer.body.span());
  if (sending.ended()) services.metrics.count_refusal(observe::Refusal::kSlowReader);
  if (!sent) answer.error = untaken_error(sending.ended());
}

}  // namespace imgring::service
