// What a source is asked: its URL, and the headers of the client and the configuration that go with
// it. Plain functions over values.
#pragma once

#include "imgring/service/request.h"
#include "imgring/source/source.h"

namespace imgring::service {

// Conditional headers on their way to the source (server.md 3.2); nothing when a buster does not
// match.
http::Headers conditional_headers(const http::Headers& client, const config::ServerConfig& config);
// `raw`: the source's own answer is wanted, piece by piece (urls.md section 6).
source::SourceRequest source_request(const ImageRequest& request, bool raw);
// For the URL's own fallback image: nothing of the client's goes with it.
source::SourceRequest fallback_request(const ImageRequest& request);

}  // namespace imgring::service
