// Which client cookies go to a source. A plain function over values; any thread.
#pragma once

#include <string>
#include <string_view>

#include "imgring/config/config.h"
#include "imgring/http/headers.h"

namespace imgring::service {

// Client cookies that go to this source, as one header value; empty when none (server.md 5,
// cookies).
std::string cookies_for(std::string_view source_url, const http::Headers& client,
                        const config::SourceConfig& config);

}  // namespace imgring::service
