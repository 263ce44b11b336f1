// Which handler a request goes to (server.md section 1). Plain function over text.
#pragma once

#include <string_view>

#include "imgring/config/config.h"
#include "imgring/http/request.h"

namespace imgring::server {

enum class Route : int {
  kNotFound,   // 404, one space
  kSilent404,  // the same, never logged: favicon, .well-known
  kLanding,
  kHealth,
  kReady,      // ours: false while draining or unhealthy
  kPreflight,  // HEAD and OPTIONS: 200, one space
  kImage,
};
Route route_of(const http::Request& request, const config::ServerConfig& config);

}  // namespace imgring::server
