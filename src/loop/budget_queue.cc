// The two lines and their one look at the budget.
#include "imgring/loop/budget_queue.h"

namespace imgring::loop {

namespace {
// Other loops give back without telling us. Far below what a job takes.
constexpr std::chrono::milliseconds kLookAgain(2);
}  // namespace

Event* BudgetQueue::first() const noexcept {
  if (!ahead_.empty()) return ahead_.front();
  return starting_.empty() ? nullptr : starting_.front();
}

void BudgetQueue::leave(Line& line, Event* one) noexcept {
  std::erase(line, one);
  if (Event* next = first()) next->notify();
}

bool BudgetQueue::take(mem::Grant& grant, std::uint64_t more) noexcept {
  if (grant.bytes() > 0) return grant.add(more);
  auto fresh = budget_.try_grant(more);
  if (fresh) grant = std::move(*fresh);
  return fresh.has_value();
}

Task<bool> BudgetQueue::enter(Scope& scope, mem::Grant& grant, std::uint64_t more,
                              Clock::duration time, bool ahead) {
  if (more == 0) co_return true;
  Line& line = ahead || grant.bytes() > 0 ? ahead_ : starting_;
  if (ahead_.empty() && line.empty() && take(grant, more)) co_return true;
  Scope waiting(&scope);
  Deadline due(loop_, waiting, time);
  Event turn(loop_);
  line.push_back(&turn);
  bool going_on = true;
  bool taken = false;
  while (going_on && !taken) {
    if (first() != &turn) {
      going_on = co_await turn.wait(waiting);
      continue;
    }
    taken = take(grant, more);
    if (!taken) going_on = co_await Sleep(loop_, waiting, kLookAgain);
  }
  leave(line, &turn);
  co_return taken;
}

}  // namespace imgring::loop
