// Waiting in line for a budget: order, growers first, time, cancelling.
#include "imgring/loop/budget_queue.h"

#include <algorithm>
#include <string>

#include "run_loop.h"

namespace imgring::loop {
namespace {

using namespace std::chrono_literals;

struct Log {
  std::string order;
  mem::Grant grants[8];
};

Task<void> ask(BudgetQueue& queue, Scope& scope, Log& log, int index, std::uint64_t more) {
  const bool got = co_await queue.enter(scope, log.grants[index], more, 10s);
  log.order += got ? static_cast<char>('a' + index) : '-';
}

Task<void> order(Loop& loop, Scope& scope) {
  mem::Budget budget(100);
  BudgetQueue queue(loop, budget);
  Log log;
  mem::Grant all;
  const bool got = co_await queue.enter(scope, all, 100, 1s);
  EXPECT_TRUE(got);
  Nursery nursery(loop, &scope);
  for (int i = 0; i < 3; ++i) nursery.start(ask(queue, nursery.scope(), log, i, 40));
  co_await Sleep(loop, scope, 5ms);
  EXPECT_EQ(queue.waiting(), 3u);
  EXPECT_EQ(log.order, "");
  all.shrink_to(60);  // room for the first only; the last must not slip in
  co_await Sleep(loop, scope, 10ms);
  EXPECT_EQ(log.order, "a");
  all.reset();
  co_await Sleep(loop, scope, 10ms);
  EXPECT_EQ(log.order, "ab");
  log.grants[0].reset();
  co_await nursery.join();
  EXPECT_EQ(log.order, "abc");
  EXPECT_EQ(queue.waiting(), 0u);
  for (mem::Grant& grant : log.grants) grant.reset();
}
TEST(BudgetQueue, FirstInFirstOut) { run_manual(order); }

// One that holds a part can't be finished without the rest: it goes before those that hold nothing.
Task<void> growers(Loop& loop, Scope& scope) {
  mem::Budget budget(100);
  BudgetQueue queue(loop, budget);
  Log log;
  const bool part = co_await queue.enter(scope, log.grants[1], 10, 1s);
  mem::Grant rest;
  const bool more = co_await queue.enter(scope, rest, 90, 1s);
  EXPECT_TRUE(part && more);
  Nursery nursery(loop, &scope);
  nursery.start(ask(queue, nursery.scope(), log, 0, 50));
  co_await Sleep(loop, scope, 5ms);
  nursery.start(ask(queue, nursery.scope(), log, 1, 50));
  co_await Sleep(loop, scope, 5ms);
  rest.shrink_to(40);
  co_await Sleep(loop, scope, 20ms);
  EXPECT_EQ(log.order, "b");
  log.grants[1].reset();
  co_await nursery.join();
  EXPECT_EQ(log.order, "ba");
  log.grants[0].reset();
}
TEST(BudgetQueue, ThoseThatHoldSomeGoFirst) { run_manual(growers); }

Task<void> ends(Loop& loop, Scope& scope) {
  mem::Budget budget(100);
  BudgetQueue queue(loop, budget);
  mem::Grant all, none;
  const bool got = co_await queue.enter(scope, all, 100, 1s);
  EXPECT_TRUE(got);
  const auto before = loop.now();
  const bool late = co_await queue.enter(scope, none, 1, 10ms);
  EXPECT_FALSE(late);
  EXPECT_EQ(loop.now() - before, 10ms);
  Log log;
  Nursery nursery(loop, &scope);
  for (int i = 0; i < 3; ++i) nursery.start(ask(queue, nursery.scope(), log, i, 10));
  co_await Sleep(loop, scope, 5ms);
  nursery.scope().cancel(CancelReason::kClientGone);
  co_await nursery.join();
  EXPECT_EQ(log.order, "---");
  EXPECT_EQ(queue.waiting(), 0u);
  EXPECT_EQ(none.bytes(), 0u);
  all.reset();
}
TEST(BudgetQueue, TimeAndScopeEndTheWait) { run_manual(ends); }

// Two loops in one: B's small jobs must not keep A's large one waiting for ever.
Task<void> large_one(Loop& loop, Scope& scope) {
  mem::Budget budget(100);
  BudgetQueue a(loop, budget, BudgetQueue::Others::kWait);
  BudgetQueue b(loop, budget, BudgetQueue::Others::kWait);
  Log log;
  mem::Grant small, next;
  EXPECT_TRUE(b.try_enter(small, 40));
  Nursery nursery(loop, &scope);
  nursery.start(ask(a, nursery.scope(), log, 0, 80));
  co_await Sleep(loop, scope, 10ms);
  EXPECT_FALSE(b.try_enter(next, 30)) << "60 are free, but not for those that came later";
  small.shrink_to(10);
  EXPECT_TRUE(b.try_enter(next, 10)) << "beside the reserved ones";
  small.reset();
  co_await nursery.join();
  EXPECT_EQ(log.order, "a");
  EXPECT_TRUE(b.try_enter(small, 10)) << "nothing is reserved any more";
  for (mem::Grant* grant : {&small, &next, &log.grants[0]}) grant->reset();
}
TEST(BudgetQueue, OtherLoopsLeaveRoomForTheFirstInLine) { run_manual(large_one); }

Task<void> gone_one(Loop& loop, Scope& scope) {
  mem::Budget budget(100);
  BudgetQueue queue(loop, budget, BudgetQueue::Others::kWait);
  Log log;
  mem::Grant small, other;
  EXPECT_TRUE(queue.try_enter(small, 40));
  Nursery nursery(loop, &scope);
  nursery.start(ask(queue, nursery.scope(), log, 0, 80));
  co_await Sleep(loop, scope, 5ms);
  nursery.scope().cancel(CancelReason::kClientGone);
  co_await nursery.join();
  EXPECT_EQ(log.order, "-");
  EXPECT_TRUE(queue.try_enter(other, 60));
  small.reset();
  other.reset();
}
TEST(BudgetQueue, WhoLeavesTakesItsReservationAlong) { run_manual(gone_one); }

struct Holder {
  BudgetQueue* queue;
  std::string* order;
  char name;
  Clock::duration patience;
};
Task<void> hold_and_ask(Loop& loop, Scope& scope, Holder me, mem::Grant grant) {
  const bool got = co_await me.queue->enter(scope, grant, 30, me.patience);
  *me.order += me.name;
  *me.order += got ? '+' : '-';
  if (got) co_await Sleep(loop, scope, 5ms);
}
// Each holds what the others wait for: the last to come lets go, the others finish in turn.
Task<void> all_hold_some(Loop& loop, Scope& scope) {
  mem::Budget budget(100);
  BudgetQueue queue(loop, budget);
  std::string order;
  Nursery nursery(loop, &scope);
  for (char name : {'a', 'b', 'c'}) {
    const Holder holder{&queue, &order, name, name == 'a' ? Clock::duration(20ms) : 20s};
    nursery.start(hold_and_ask(loop, nursery.scope(), holder, std::move(*budget.try_grant(30))));
  }
  co_await nursery.join();
  EXPECT_EQ(order, "c-a+b+");
  EXPECT_EQ(budget.current(), 0u);
}
TEST(BudgetQueue, OfThoseThatHoldSomeTheLastGivesUpFirst) { run_manual(all_hold_some); }

Task<void> take_turn(Loop& loop, Scope& scope, Holder me) {
  mem::Grant grant;
  const bool got = co_await me.queue->enter(scope, grant, 60, me.patience);
  EXPECT_TRUE(got);
  *me.order += me.name;
  co_await Sleep(loop, scope, 1ms);
}
// Lines that are never empty: each loop gets its turns.
Task<void> two_lines(Loop& loop, Scope& scope) {
  mem::Budget budget(100);
  BudgetQueue a(loop, budget, BudgetQueue::Others::kWait);
  BudgetQueue b(loop, budget, BudgetQueue::Others::kWait);
  std::string order;
  Nursery nursery(loop, &scope);
  for (int i = 0; i < 12; ++i) {
    nursery.start(take_turn(loop, nursery.scope(), {&a, &order, 'a', 20s}));
  }
  for (int i = 0; i < 12; ++i) {
    nursery.start(take_turn(loop, nursery.scope(), {&b, &order, 'b', 20s}));
  }
  co_await nursery.join();
  EXPECT_EQ(order.size(), 24u);
  const std::string first = order.substr(0, 12);
  EXPECT_GE(std::ranges::count(first, 'a'), 3) << order;
  EXPECT_GE(std::ranges::count(first, 'b'), 3) << order;
}
TEST(BudgetQueue, NoLoopKeepsTheReservationToItself) { run_manual(two_lines); }

}  // namespace
}  // namespace imgring::loop
