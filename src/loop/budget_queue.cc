// The two lines and their one look at the budget.
#include "imgring/loop/budget_queue.h"

#include <algorithm>

namespace imgring::loop {

namespace {
// Other loops give back without telling us. Far below what a job takes.
constexpr std::chrono::milliseconds kLookAgain(2);
// After a reservation of this loop's came true: time for the others' firsts to make theirs.
constexpr std::chrono::milliseconds kOthersTurn = 3 * kLookAgain;
// Between two that give up: time for the first one's bytes to come back and be taken.
constexpr std::chrono::milliseconds kNextGivesUp(50);
}  // namespace

BudgetQueue::Waiter* BudgetQueue::first() const noexcept {
  if (!holding_.empty()) return holding_.front();
  return starting_.empty() ? nullptr : starting_.front();
}

void BudgetQueue::leave(Line& line, Waiter& one) noexcept {
  if (one.reserved) budget_.unreserve();
  std::erase(line, &one);
  if (waiters_ != nullptr) --*waiters_;
  if (Waiter* next = first()) next->turn.notify();
}

bool BudgetQueue::take(mem::Grant& grant, std::uint64_t more) noexcept {
  if (grant.bytes() > 0) return grant.add(more);
  auto fresh = budget_.try_grant(more);
  if (fresh) grant = std::move(*fresh);
  return fresh.has_value();
}

bool BudgetQueue::take_first(Waiter& me, mem::Grant& grant, std::uint64_t more) noexcept {
  if (first() != &me) return false;
  if (others_ == Others::kOvertake || grant.bytes() > 0 || more > budget_.max()) {
    return take(grant, more);
  }
  const auto now = loop_.now();
  if (!me.reserved && now - redeemed_ >= kOthersTurn) me.reserved = budget_.reserve(more);
  if (!me.reserved) return take(grant, more);
  auto fresh = budget_.redeem();
  if (!fresh) return false;
  me.reserved = false;
  redeemed_ = now;
  grant = std::move(*fresh);
  return true;
}

// False: that is the caller itself.
bool BudgetQueue::youngest_gives_up(Line& line, Waiter& me, Clock::time_point now) noexcept {
  if (now - gave_up_ < kNextGivesUp) return true;
  gave_up_ = now;
  if (line.back() == &me) return false;
  line.back()->scope.cancel(CancelReason::kOverload);
  return true;
}

bool BudgetQueue::try_enter(mem::Grant& grant, std::uint64_t more) noexcept {
  if (!holding_.empty()) return false;
  if (grant.bytes() == 0 && !starting_.empty()) return false;
  return take(grant, more);
}

Task<bool> BudgetQueue::enter(Scope& scope, mem::Grant& grant, std::uint64_t more,
                              Clock::duration time) {
  if (more == 0) co_return true;
  if (try_enter(grant, more)) co_return true;
  const bool holds = grant.bytes() > 0;
  Line& line = holds ? holding_ : starting_;
  Waiter me(loop_, scope);
  line.push_back(&me);
  if (waiters_ != nullptr) ++*waiters_;
  auto until = loop_.now() + time;
  bool taken = take_first(me, grant, more);
  while (!taken && !me.scope.cancelled()) {
    const auto now = loop_.now();
    if (now >= until) {
      if (!holds || !youngest_gives_up(line, me, now)) break;
      until = now + kNextGivesUp;
    }
    const Clock::duration left = until - now;
    Scope nap(&me.scope);
    Deadline awake(loop_, nap, first() == &me ? std::min<Clock::duration>(left, kLookAgain) : left);
    co_await me.turn.wait(nap);
    taken = take_first(me, grant, more);
  }
  leave(line, me);
  co_return taken;
}

}  // namespace imgring::loop
