// Waiting for bytes of a process-wide budget, in order: those of one loop that already hold some,
// or waited elsewhere before, go first (others can't go on without them), then first in, first
// out. Loop thread only.
// Promises: nobody else overtakes within a loop; only the first in line looks at the budget.
#pragma once

#include <cstdint>
#include <deque>

#include "imgring/loop/loop.h"
#include "imgring/mem/limits.h"

namespace imgring::loop {

class BudgetQueue {
 public:
  BudgetQueue(Loop& loop, mem::Budget& budget) noexcept : loop_(loop), budget_(budget) {}
  ~BudgetQueue() { IMGRING_CHECK(waiting() == 0); }
  BudgetQueue(const BudgetQueue&) = delete;
  BudgetQueue& operator=(const BudgetQueue&) = delete;

  // `more` bytes on top of what the grant has. False: the time or the scope is over, the grant is
  // as it was. The grant lives in the caller's frame, with this awaited.
  Task<bool> enter(Scope& scope, mem::Grant& grant, std::uint64_t more, Clock::duration time,
                   bool ahead = false);
  std::size_t waiting() const noexcept { return ahead_.size() + starting_.size(); }
  const mem::Budget& budget() const noexcept { return budget_; }

 private:
  using Line = std::deque<Event*>;
  Event* first() const noexcept;
  void leave(Line& line, Event* one) noexcept;
  bool take(mem::Grant& grant, std::uint64_t more) noexcept;
  Loop& loop_;
  mem::Budget& budget_;
  Line ahead_, starting_;
};

}  // namespace imgring::loop
