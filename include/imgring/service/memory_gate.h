// Admission by memory: jobs of one core wait here, in order, until the bytes they are planned to
// hold fit into the process's budget (decision 9, hardening.md section 4). Loop thread only.
// Patient jobs pass a gate of their own first, over a part of the budget: those that wait for their
// helpers hold bytes already, and quick ones must not have to wait for that. A quick job larger
// than what they leave waits there too, for the rest: it would keep all others from their part.
#pragma once

#include "imgring/loop/budget_queue.h"
#include "imgring/loop/offload.h"
#include "imgring/mem/buffer_pool.h"
#include "imgring/service/shared.h"

namespace imgring::service {

struct MemoryGrant {
  mem::Grant planned, patient;
};

class MemoryGate {
 public:
  // `gzip`: this loop's, whose idle buffers are of the same bytes; null: none (tests).
  MemoryGate(loop::Loop& loop, Shared& shared, mem::BufferPool* gzip = nullptr)
      : shared_(shared), gzip_(gzip),
        planned_(loop, shared.plans(), loop::BudgetQueue::Others::kWait),
        patient_(loop, shared.patient, loop::BudgetQueue::Others::kWait) {}
  // A grant of `bytes`, or of the whole budget when they are more: such a job runs alone. The
  // scope's end (the request's deadline) ends the wait: kOverloaded.
  loop::Task<Result<MemoryGrant>> enter(loop::Scope& scope, std::uint64_t bytes, loop::Lane lane);
  std::size_t waiting() const noexcept { return planned_.waiting() + patient_.waiting(); }

 private:
  void make_room();
  Shared& shared_;
  mem::BufferPool* gzip_;
  loop::BudgetQueue planned_, patient_;
};

}  // namespace imgring::service
