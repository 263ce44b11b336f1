// Waiting for bytes of a process-wide budget, in order: those of one loop that already hold some go
// first (others can't go on without them), then first in, first out. Loop thread only.
// Promises: nobody else overtakes within a loop; only the first in line looks at the budget. What
// other loops do is Others' business: with kWait the first in line reserves its bytes, so that
// small jobs elsewhere can't keep a large one waiting for ever.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>

#include "imgring/loop/loop.h"
#include "imgring/mem/budget.h"

namespace imgring::loop {

class BudgetQueue {
 public:
  // kWait is for grants that are never added to: reserving on top of what one holds could block
  // those whose bytes it waits for.
  enum class Others : std::uint8_t { kOvertake, kWait };
  // `waiters`: counts those of all loops who wait; null: nobody does.
  BudgetQueue(Loop& loop, mem::Budget& budget, Others others = Others::kOvertake,
              std::atomic<int>* waiters = nullptr) noexcept
      : loop_(loop), budget_(budget), others_(others), waiters_(waiters) {}
  ~BudgetQueue() { IMGRING_CHECK(waiting() == 0); }
  BudgetQueue(const BudgetQueue&) = delete;
  BudgetQueue& operator=(const BudgetQueue&) = delete;

  // `more` bytes on top of what the grant has. False: the time or the scope is over, the grant is
  // as it was. The grant lives in the caller's frame, with this awaited.
  // Of those that hold some and wait for more, the one that came last gives up when the time of
  // any is over, one at a time: what it gives back lets the others finish.
  Task<bool> enter(Scope& scope, mem::Grant& grant, std::uint64_t more, Clock::duration time);
  // At once, when there is room and nobody to overtake; else false and nothing has changed.
  bool try_enter(mem::Grant& grant, std::uint64_t more) noexcept;
  std::size_t waiting() const noexcept { return holding_.size() + starting_.size(); }
  const mem::Budget& budget() const noexcept { return budget_; }

 private:
  struct Waiter {
    Waiter(Loop& loop, Scope& parent) noexcept : turn(loop), scope(&parent) {}
    Event turn;
    Scope scope;
    bool reserved = false;
  };
  using Line = std::deque<Waiter*>;
  Waiter* first() const noexcept;
  void leave(Line& line, Waiter& one) noexcept;
  bool take(mem::Grant& grant, std::uint64_t more) noexcept;
  bool take_first(Waiter& me, mem::Grant& grant, std::uint64_t more) noexcept;
  bool youngest_gives_up(Line& line, Waiter& me, Clock::time_point now) noexcept;
  Loop& loop_;
  mem::Budget& budget_;
  Others others_;
  std::atomic<int>* waiters_;
  Line holding_, starting_;
  Clock::time_point gave_up_{}, redeemed_{};
};

}  // namespace imgring::loop
