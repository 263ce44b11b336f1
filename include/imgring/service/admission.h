// Fourth stage: a job whose source is there to the right to be worked on: a place among the
// process's jobs, a lane, time, and the bytes it is planned to hold. An Admission is given back by
// its end. Loop thread; its end on any thread.
#pragma once

#include <utility>

#include "imgring/base/error.h"
#include "imgring/service/memory_gate.h"
#include "imgring/service/picture_job.h"
#include "imgring/service/request.h"
#include "imgring/service/services.h"

namespace imgring::service {

// A counted place among the process's jobs, freed when the job is back.
class JobSlot {
 public:
  explicit JobSlot(Shared& shared) noexcept : shared_(&shared) {}
  JobSlot(JobSlot&& other) noexcept : shared_(std::exchange(other.shared_, nullptr)) {}
  ~JobSlot() {
    if (shared_ != nullptr) shared_->job_done();
  }

 private:
  Shared* shared_;
};

struct Admission {
  JobSlot slot;
  MemoryGrant memory;
  loop::JobCost cost;
};

// kResultTooLarge: more than all plans together may hold. Any thread.
Result<void> check_certain_bytes(std::int64_t certain_bytes, const Shared& shared);

// Waits for the bytes; 422, 429 and 503 say what is missing.
loop::Task<Result<Admission>> admit(Services& services, loop::Scope& scope, ImageRequest& request,
                                    const PictureJob& job);

}  // namespace imgring::service
