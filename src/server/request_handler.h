// Requests of one core: routes, and for a picture what is refused before any work, the stages, and
// the way out.
// Owned by its Core; loop thread only.
#pragma once

#include "imgring/http/server.h"
#include "imgring/server/state.h"
#include "imgring/service/services.h"

namespace imgring::server {

class RequestHandler final : public http::Handler {
 public:
  // `memory_short`: the core's guard waits for it.
  RequestHandler(service::Services& services, const Process& process, loop::Event& memory_short)
      : services_(services), process_(process), memory_short_(memory_short) {}
  loop::Task<void> handle(loop::Scope& scope, const http::Request& request,
                          http::Responder& responder, const http::Peer& peer) override;

 private:
  service::Services& services_;
  const Process& process_;
  loop::Event& memory_short_;
};

}  // namespace imgring::server
