// raw: a source's own answer to the client, piece by piece (urls.md section 6). It stands in the
// place of the stages from the source to the last byte.
// Loop thread.
#pragma once

#include "imgring/http/server.h"
#include "imgring/service/answer.h"
#include "imgring/service/services.h"

namespace imgring::service {

// Sends by itself, for as long as the client takes: what is timed is the source
// (IMGPROXY_DOWNLOAD_TIMEOUT) and each write. The answer has what to log; unsent errors are in it.
loop::Task<Answer> stream_raw(Services& services, loop::Scope& scope, ImageRequest& request,
                              http::Responder& responder);

}  // namespace imgring::service
