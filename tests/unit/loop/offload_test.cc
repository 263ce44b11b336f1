// Helper jobs: results, detaching, full queues, collection.
#include "imgring/loop/offload.h"

#include <atomic>
#include <string>

#include "run_loop.h"

namespace imgring::loop {
namespace {

using namespace std::chrono_literals;

Task<void> results(Loop& loop, Scope& scope) {
  HelperPool pool(2, 64, {});
  JobRegistry registry(loop);
  for (int i = 0; i < 200; ++i) {
    auto text = std::make_unique<std::string>(100, 'a');
    auto work = [text = std::move(text)] { return text->size(); };
    auto ticket = registry.start(pool, std::move(work));
    EXPECT_NE(ticket, nullptr);
    auto size = co_await ticket->wait(scope);
    EXPECT_EQ(size, 100u);
  }
  EXPECT_EQ(registry.count(), 0u);
}
TEST(Offload, BringsResultsBack) { run_loop(results); }

struct LoopOnly {  // destroyed on the loop's thread, wherever it travelled
  explicit LoopOnly(Loop& l, std::atomic<int>* g) : loop(&l), gone(g) {}
  LoopOnly(LoopOnly&& o) noexcept : loop(std::exchange(o.loop, nullptr)), gone(o.gone) {}
  ~LoopOnly() {
    if (loop == nullptr) return;
    EXPECT_TRUE(loop->on_loop());
    ++*gone;
  }
  Loop* loop;
  std::atomic<int>* gone;
};

Task<void> detach(Loop& loop, Scope& scope) {
  HelperPool pool(1, 64, {});
  JobRegistry registry(loop);
  std::atomic<int> gone{0};
  std::atomic<bool> go{false};
  {
    LoopOnly lease(loop, &gone);
    auto work = [lease = std::move(lease), &go] {
      while (!go.load()) std::this_thread::yield();
      return 1;
    };
    auto ticket = registry.start(pool, std::move(work));
    Scope inner(&scope);
    Deadline due(loop, inner, 5ms);
    auto result = co_await ticket->wait(inner);
    EXPECT_FALSE(result.has_value()) << "answered while the job still runs";
    EXPECT_EQ(registry.count(), 1u);
  }
  EXPECT_EQ(gone.load(), 0) << "the job keeps what it owns";
  go = true;
  const bool empty = co_await registry.drained(scope);
  EXPECT_TRUE(empty);
  EXPECT_EQ(gone.load(), 1);
}
TEST(Offload, ADetachedJobReleasesWhatItOwnsOnTheLoop) { run_loop(detach); }

Task<void> full(Loop& loop, Scope& scope) {
  HelperPool pool(1, 1, {});
  JobRegistry registry(loop);
  std::atomic<bool> go{false};
  std::atomic<bool> running{false};
  auto hold = [&go, &running] {
    running = true;
    while (!go.load()) std::this_thread::yield();
    return 0;
  };
  auto first = registry.start(pool, hold);
  while (!running.load()) std::this_thread::yield();
  auto second = registry.start(pool, hold);
  EXPECT_NE(second, nullptr);
  auto third = registry.start(pool, hold);
  EXPECT_EQ(third, nullptr);
  EXPECT_EQ(registry.count(), 2u);
  go = true;
  const bool empty = co_await registry.drained(scope);
  EXPECT_TRUE(empty);
}
TEST(Offload, AFullQueueRefuses) { run_loop(full); }

std::atomic<int> collected{0};
void count_collect() noexcept { ++collected; }

TEST(HelperPool, EveryHelperCollectsWhenAsked) {
  collected = 0;
  {
    HelperPool pool(3, 8, {.collect = count_collect});
    pool.request_collect();
    while (collected.load() < 3) std::this_thread::yield();
  }
  EXPECT_EQ(collected.load(), 3);
}

}  // namespace
}  // namespace imgring::loop
