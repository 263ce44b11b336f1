// Validators between client, us and source (server.md 3.2): ETag and Last-Modified, with the
// busters of the configuration. Plain functions over values; any thread.
#pragma once

#include "imgring/config/config.h"
#include "imgring/http/headers.h"
#include "imgring/http/server.h"

namespace imgring::service {

// Conditional headers on their way to the source (server.md 3.2); nothing when a buster does not
// match.
http::Headers conditional_headers(const http::Headers& client, const config::ServerConfig& config);
// Validators on their way to the client.
void add_validators(http::Response& response, const http::Headers& source,
                    const config::ServerConfig& config);

}  // namespace imgring::service
