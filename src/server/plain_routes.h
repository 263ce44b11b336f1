// Answers that need no picture: health, readiness, the landing page, preflights, 404.
// Plain functions over the process's state, and the handler of those who are let in for health
// alone. Loop thread only.
#pragma once

#include <string>
#include <string_view>

#include "imgring/http/server.h"
#include "imgring/server/state.h"
#include "imgring/service/services.h"
#include "routes.h"

namespace imgring::server {

struct PlainAnswer {
  http::Response response;
  std::string body;
};
// Of every route but images.
PlainAnswer answer_for(Route route, const Process& process, const config::Config& config,
                       std::string_view id);
constexpr bool is_health(Route route) noexcept {
  return route == Route::kHealth || route == Route::kReady;
}
std::string landing_page();

// Where health and readiness alone are heard (front_door.h): the rest gets 503, and every answer
// ends its connection.
class HealthHandler final : public http::Handler {
 public:
  HealthHandler(service::Services& services, const Process& process)
      : services_(services), process_(process) {}
  loop::Task<void> handle(loop::Scope& scope, const http::Request& request,
                          http::Responder& responder, const http::Peer& peer) override;

 private:
  service::Services& services_;
  const Process& process_;
};

}  // namespace imgring::server
