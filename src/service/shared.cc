// Admission of jobs: one process-wide counter.
#include "imgring/service/shared.h"

#include <limits>

namespace imgring::service {

Shared::Shared(const Logger& l, loop::HelperPool& h, std::uint64_t memory_limit_bytes)
    : log(l), helpers(h), ledger(memory_limit_bytes), patient(patient_part(plans().max())),
      memory(memory_limit_bytes) {}

int job_limit(int queue_size, int helpers) noexcept {
  if (queue_size == 0) return kJobsMax;
  constexpr int kMost = std::numeric_limits<int>::max();
  return queue_size > kMost - helpers ? kMost : queue_size + helpers;
}

int Shared::job_limit(int queue_size) const noexcept {
  return service::job_limit(queue_size, static_cast<int>(helpers.threads()));
}

bool Shared::job_room(int queue_size) const noexcept {
  return jobs.load(std::memory_order_relaxed) < job_limit(queue_size);
}

bool Shared::short_of_plans() const noexcept {
  return memory_waiters.load(std::memory_order_relaxed) > 0 &&
         ledger.results().current() > mem::sent_bytes_max(plans().max());
}

bool Shared::job_admitted(int queue_size) noexcept {
  if (jobs.fetch_add(1, std::memory_order_relaxed) < job_limit(queue_size)) return true;
  job_done();
  return false;
}

}  // namespace imgring::service
