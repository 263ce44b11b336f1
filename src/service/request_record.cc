// From an answer and a timeline to counters, histograms and a line.
#include "imgring/service/request_record.h"

#include <chrono>

#include "imgring/service/request_log.h"

namespace imgring::service {

void RequestRecord::finish(const Answer& answer, bool client_left) {
  observe::CoreMetrics& metrics = services_.metrics;
  const Error* error = answer.error ? &*answer.error : nullptr;
  const auto now = services_.loop.now();
  const auto took = now - request_.time.start();
  const CompletedLine line{.status = client_left ? 499 : answer.response.status,
                           .seconds = std::chrono::duration<double>(took).count(),
                           .error = error,
                           .now = now};
  metrics.count_status(line.status);
  if (error != nullptr) metrics.count_error(error->code);
  metrics.request_duration.observe(took);
  count_phases(request_.time, metrics);
  log_completed(services_.shared, request_, line);
}

}  // namespace imgring::service
