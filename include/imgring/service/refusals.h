// Errors of requests that the server itself turns away or ends: who refuses counts here, and the
// detail says what to change.
// Plain functions; loop thread.
#pragma once

#include <string_view>

#include "imgring/base/error.h"
#include "imgring/loop/offload.h"
#include "imgring/loop/scope.h"
#include "imgring/observe/metrics.h"

namespace imgring::service {

// Why the request's scope ended, as the error its client gets.
Error cancelled_error(const loop::Scope& scope, std::string_view where);
// No room for one more job.
Error refuse_job(observe::CoreMetrics& metrics, int queue_size);
// The helpers would be done with it only when its time is over.
Error refuse_late(observe::CoreMetrics& metrics, loop::Backlog::Work end,
                  loop::Clock::duration left);
// Its lane took no more, or has no helper.
Error not_taken(const loop::HelperPool& helpers, loop::Lane lane);
// Of an answer that was not sent whole. `ended`: by us, for the others' sake.
Error untaken_error(bool ended);

}  // namespace imgring::service
