// Last stage: an answer to its client, watched by SlowReaders.
// Loop thread.
#pragma once

#include "imgring/http/server.h"
#include "imgring/service/answer.h"
#include "imgring/service/services.h"

namespace imgring::service {

// A refusal costs next to nothing: how often one is given is bounded (http::RefusalPace).
void pace(const Answer& answer, http::Responder& responder) noexcept;
// `answer.error` says afterwards whether it was taken whole.
loop::Task<void> deliver(Services& services, ImageRequest& request, http::Responder& responder,
                         Answer& answer);

}  // namespace imgring::service
