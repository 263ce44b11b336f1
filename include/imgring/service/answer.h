// An answer: the last value of a request's way, and what it is when a stage before said no.
// Plain values and functions over them; bytes go back to their owners on the loop they came from.
#pragma once

#include <optional>

#include "imgring/base/bytes.h"
#include "imgring/base/error.h"
#include "imgring/http/server.h"
#include "imgring/mem/ledger.h"
#include "imgring/service/request.h"

namespace imgring::service {

// Head and bytes. A result's bytes keep their grant until they are sent.
struct Answer {
  http::Response response;
  Bytes body;
  std::optional<Error> error;             // for the log and the counters
  mem::Part of_part = mem::Part::kPlans;  // whose bytes the body is
};

Answer error_answer(const ImageRequest& request, Error error);

}  // namespace imgring::service
