// Admission by memory: jobs of one core wait here, first in first out, until the bytes they are
// planned to hold fit into the process's budget (decision 9, hardening.md section 4). Loop thread
// only.
#pragma once

#include <cstdint>
#include <deque>

#include "imgring/loop/loop.h"
#include "imgring/mem/limits.h"

namespace imgring::server {

class MemoryGate {
 public:
  MemoryGate(loop::Loop& loop, mem::Budget& budget) : loop_(loop), budget_(budget) {}
  ~MemoryGate() { IMGRING_CHECK(waiting_.empty()); }
  // A grant of `bytes`, or of the whole budget when they are more: such a job runs alone. The
  // scope's end (the request's deadline) ends the wait: kOverloaded.
  loop::Task<Result<mem::Grant>> enter(loop::Scope& scope, std::uint64_t bytes);
  std::size_t waiting() const noexcept { return waiting_.size(); }

 private:
  std::optional<mem::Grant> try_enter(std::uint64_t turn, std::uint64_t bytes);
  loop::Loop& loop_;
  mem::Budget& budget_;
  std::deque<std::uint64_t> waiting_;
  std::uint64_t next_turn_ = 0;
};

}  // namespace imgring::server
