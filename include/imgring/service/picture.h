// A picture request as the list of its stages. Each stage stands in its own file, takes values and
// gives one; none calls back.
// Loop thread.
#pragma once

#include "imgring/http/server.h"
#include "imgring/service/answer.h"
#include "imgring/service/request_record.h"
#include "imgring/service/services.h"

namespace imgring::service {

// From what check_request() and check_queue() let pass to its answer; the error is an answer, too.
loop::Task<Result<Answer>> make_picture(Services& services, loop::Scope& scope,
                                        ImageRequest& request);
// The same with its time limit, or raw; sent, counted and logged.
loop::Task<void> serve_picture(Services& services, loop::Scope& scope, ImageRequest& request,
                               http::Responder& responder, RequestRecord& record);

}  // namespace imgring::service
