// Admission by memory: jobs of one core wait here, in order, until the bytes they are planned to
// hold fit into the process's budget (decision 9, hardening.md section 4). Loop thread only.
#pragma once

#include "imgring/loop/budget_queue.h"

namespace imgring::server {

class MemoryGate {
 public:
  MemoryGate(loop::Loop& loop, mem::Budget& planned) : planned_(loop, planned) {}
  // A grant of `bytes`, or of the whole budget when they are more: such a job runs alone. The
  // scope's end (the request's deadline) ends the wait: kOverloaded.
  loop::Task<Result<mem::Grant>> enter(loop::Scope& scope, std::uint64_t bytes);
  std::size_t waiting() const noexcept { return planned_.waiting(); }

 private:
  loop::BudgetQueue planned_;
};

}  // namespace imgring::server
