// A picture request's record: counted from its head to its last byte, with what became of it in
// counters, histograms and log.
// Owned by the handler's coroutine; loop thread.
#pragma once

#include "imgring/mem/counter.h"
#include "imgring/service/answer.h"
#include "imgring/service/services.h"

namespace imgring::service {

struct Gauge {  // up while it lives
  explicit Gauge(mem::Counter& c) noexcept : counter(c) { counter.add(); }
  ~Gauge() { counter.sub(); }
  Gauge(const Gauge&) = delete;
  Gauge& operator=(const Gauge&) = delete;
  mem::Counter& counter;
};

class RequestRecord {
 public:
  RequestRecord(Services& services, ImageRequest& request) noexcept
      : services_(services), request_(request),
        in_progress_(services.metrics.requests_in_progress) {
    services.metrics.requests.add();
  }
  void finish(const Answer& answer, bool client_left);

 private:
  Services& services_;
  ImageRequest& request_;
  Gauge in_progress_;
};

}  // namespace imgring::service
