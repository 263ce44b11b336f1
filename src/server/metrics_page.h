// The metrics listener: every path but those of health and readiness answers with the counters of
// all cores.
// Owned by its Core; loop thread only.
#pragma once

#include "imgring/http/server.h"
#include "imgring/server/state.h"
#include "imgring/service/services.h"

namespace imgring::server {

class MetricsHandler final : public http::Handler {
 public:
  MetricsHandler(service::Services& services, const Process& process)
      : services_(services), process_(process) {}
  loop::Task<void> handle(loop::Scope& scope, const http::Request& request,
                          http::Responder& responder, const http::Peer& peer) override;

 private:
  service::Services& services_;
  const Process& process_;
};

}  // namespace imgring::server
