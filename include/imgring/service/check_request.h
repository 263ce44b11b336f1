// First stage: a request's head to the options and the source that it asks for, or why it gets
// neither. A plain function: no clock, no loop, nothing kept.
#pragma once

#include <cstdint>

#include "imgring/base/error.h"
#include "imgring/http/request.h"
#include "imgring/service/snapshot.h"
#include "imgring/url/request.h"

namespace imgring::service {

// Secret, signature, options, source (server.md section 1.1, steps 1 to 4 and 6).
Result<url::ProcessingRequest> check_request(const http::Request& request, const Snapshot& snapshot,
                                             std::int64_t now_unix_s);

}  // namespace imgring::service
