// Helper jobs: results, detaching, full queues, lanes, collection.
#include "imgring/loop/offload.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "imgring/base/error.h"
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

// Helpers that are the test itself: HelperLane::run_next().
std::function<void()> no_thread(std::function<void()>) {
  return [] {};
}
HelperHooks by_hand(const TimeSource& clock) { return {.start = no_thread, .time = &clock}; }

// What a job is certain to take is in the end that is expected, and a job that failed teaches none.
Task<void> certain_ends(Loop& loop, Scope& scope, test::ManualClock& clock) {
  HelperPool pool(1, 64, by_hand(clock));
  JobRegistry registry(loop);
  HelperLane& lane = pool.lane(Lane::kQuick);
  EXPECT_EQ(lane.expected_end(12s), 12s);
  const JobCost sure{.work = 20s, .least = 10s};
  auto failing = registry.start(pool, [] { return Result<int>(fail(ErrorCode::kTimeout)); }, sure);
  EXPECT_TRUE(lane.run_next());
  EXPECT_FALSE(lane.run_next());
  co_await failing->wait(scope);
  EXPECT_EQ(lane.expected_end(12s), 12s);
  auto working = [&clock] {
    clock.advance(5s);
    return Result<int>(1);
  };
  auto whole = registry.start(pool, working, sure);
  clock.advance(3s);
  EXPECT_TRUE(lane.run_next());
  co_await whole->wait(scope);
  EXPECT_EQ(whole->queued_time(), 3s);
  EXPECT_EQ(lane.expected_end(12s), 6s) << "half of what its plan was sure of";
  EXPECT_GT(lane.expected_wait(1'000'000), lane.expected_wait());
  EXPECT_LE(lane.expected_wait(1'000'000'000, 5ms), 5ms);
}
TEST(Offload, ExpectsTheEndByWhatIsCertain) { run_by_clock(certain_ends); }

// What a shutdown waits for: jobs, as long as it may.
Task<void> shutdown(Loop& loop, Scope& scope, test::ManualClock& clock) {
  HelperPool pool(1, 64, by_hand(clock));
  JobRegistry registry(loop);
  auto ticket = registry.start(pool, [] { return 1; });
  const auto before = loop.now();
  {
    Scope grace(&scope);
    Deadline due(loop, grace, 20s);
    const bool empty = co_await registry.drained(grace);
    EXPECT_FALSE(empty);
  }
  EXPECT_EQ(loop.now() - before, 20s);
  EXPECT_TRUE(pool.lane(Lane::kQuick).run_next());
  const bool empty = co_await registry.drained(scope);
  EXPECT_TRUE(empty);
  EXPECT_EQ(loop.now() - before, 20s) << "it is home at once";
}
TEST(Offload, AShutdownWaitsForJobsUntilItsGraceIsOver) { run_by_clock(shutdown); }

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

// What is queued waits for what runs and for what is before it, less what ran already.
Task<void> expected(Loop& loop, Scope& scope, test::ManualClock& clock) {
  HelperPool pool(1, 64, by_hand(clock));
  JobRegistry registry(loop);
  HelperLane& lane = pool.lane(Lane::kQuick);
  std::vector<Backlog::Work> waits;
  auto look = [&] {
    waits.push_back(lane.expected_wait());
    clock.advance(400ms);
    waits.push_back(lane.expected_wait());
    clock.advance(600ms);  // as planned
    return 0;
  };
  auto first = registry.start(pool, look, {.work = 1s});
  auto second = registry.start(pool, look, {.work = 1s});
  EXPECT_EQ(lane.expected_wait(), 2s);
  while (lane.run_next()) {
  }
  co_await second->wait(scope);
  EXPECT_EQ(waits, (std::vector<Backlog::Work>{2s, 1600ms, 1s, 600ms}));
  EXPECT_EQ(second->queued_time(), 1s);
  EXPECT_EQ(lane.expected_wait(), 0s);
}
TEST(Offload, ExpectsWhatIsBeforeLessWhatRanAlready) { run_by_clock(expected); }

Task<void> detach(Loop& loop, Scope& scope) {
  HelperPool pool(1, 64, {});
  JobRegistry registry(loop);
  std::atomic<int> gone{0};
  std::atomic<bool> go{false}, running{false};
  {
    LoopOnly lease(loop, &gone);
    auto work = [lease = std::move(lease), &go, &running] {
      running = true;
      while (!go.load()) std::this_thread::yield();
      return 1;
    };
    auto ticket = registry.start(pool, std::move(work));
    while (!running.load()) std::this_thread::yield();
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

constexpr JobCost kLong{.lane = Lane::kPatient, .work = 1s};

// Holds a helper until told; counts itself when it begins.
struct Gate {
  std::atomic<bool> go{false};
  std::atomic<int> running{0};
  auto job() {
    return [this] {
      ++running;
      while (!go.load()) std::this_thread::yield();
      return 0;
    };
  }
};

Task<void> lanes(Loop& loop, Scope& scope) {
  for (unsigned threads : {1u, 2u}) {  // one helper is no exception
    HelperPool pool(threads, 64, {});
    JobRegistry registry(loop);
    Gate gate;
    std::vector<std::unique_ptr<JobRegistry::Ticket<int>>> patient;
    for (int i = 0; i < 10; ++i) patient.push_back(registry.start(pool, gate.job(), kLong));
    while (gate.running.load() < static_cast<int>(threads)) std::this_thread::yield();
    for (int i = 0; i < 20; ++i) {
      auto quick = registry.start(pool, [i] { return i; });
      const auto result = co_await quick->wait(scope);
      EXPECT_EQ(result, i);
    }
    EXPECT_EQ(gate.running.load(), static_cast<int>(threads)) << "no more than its threads";
    EXPECT_EQ(pool.lane(Lane::kPatient).queued(), 10u - threads);
    EXPECT_EQ(pool.lane(Lane::kQuick).queued(), 0u);
    gate.go = true;
    const bool empty = co_await registry.drained(scope);
    EXPECT_TRUE(empty);
  }
}
TEST(Offload, QuickJobsRunWhilePatientOnesHoldAllTheirHelpers) { run_loop(lanes); }

Task<void> the_other_way(Loop& loop, Scope& scope) {
  HelperPool pool(1, 64, {});
  JobRegistry registry(loop);
  Gate gate;
  auto quick = registry.start(pool, gate.job());
  auto queued = registry.start(pool, gate.job());
  while (gate.running.load() == 0) std::this_thread::yield();
  auto patient = registry.start(pool, [] { return 7; }, kLong);
  const auto result = co_await patient->wait(scope);
  EXPECT_EQ(result, 7);
  gate.go = true;
  const bool empty = co_await registry.drained(scope);
  EXPECT_TRUE(empty);
}
TEST(Offload, PatientJobsRunWhileQuickOnesHoldAllTheirHelpers) { run_loop(the_other_way); }

Task<void> lane_order(Loop& loop, Scope& scope) {
  HelperPool pool(1, 64, {});
  JobRegistry registry(loop);
  Gate gate;
  std::vector<int> ran;  // by the lane's one thread, read once all are back
  auto first = registry.start(pool, gate.job(), kLong);
  std::vector<std::unique_ptr<JobRegistry::Ticket<int>>> tickets;
  for (int i = 0; i < 30; ++i) {
    auto note = [&ran, i] {
      ran.push_back(i);
      return i;
    };
    tickets.push_back(registry.start(pool, note, kLong));
  }
  gate.go = true;
  const bool empty = co_await registry.drained(scope);
  EXPECT_TRUE(empty);
  std::vector<int> wanted(30);
  std::iota(wanted.begin(), wanted.end(), 0);
  EXPECT_EQ(ran, wanted);
}
TEST(Offload, FirstInFirstOutInsideALane) { run_loop(lane_order); }

Task<void> large(Loop& loop, Scope& scope) {
  HelperPool pool(2, 64, {});
  JobRegistry registry(loop);
  Gate gate;
  std::atomic<int> large_ran{0};
  constexpr JobCost kLarge{.large = true};
  auto first = registry.start(pool, gate.job(), kLarge);
  while (gate.running.load() == 0) std::this_thread::yield();
  auto second = registry.start(pool, [&] { return ++large_ran; }, kLarge);
  // Behind the large one in the queue, and past it on the second thread.
  for (int i = 0; i < 20; ++i) {
    auto small = registry.start(pool, [] { return 1; });
    auto done = co_await small->wait(scope);
    EXPECT_EQ(done, 1);
  }
  EXPECT_EQ(large_ran.load(), 0);
  EXPECT_EQ(pool.queued(), 1u);
  gate.go = true;
  const bool empty = co_await registry.drained(scope);
  EXPECT_TRUE(empty);
  EXPECT_EQ(large_ran.load(), 1);
}
TEST(Offload, LargeJobsRunOneAtATimeAndHoldUpNobody) { run_loop(large); }

TEST(Offload, AQuarterOfManyThreadsTakesLargeJobs) {
  EXPECT_EQ(large_jobs_max(1), 1u);
  EXPECT_EQ(large_jobs_max(7), 1u);
  EXPECT_EQ(large_jobs_max(8), 2u);
  EXPECT_EQ(large_jobs_max(64), 16u);
}

Task<void> taken_back(Loop& loop, Scope& scope) {
  HelperPool pool(1, 64, {});
  JobRegistry registry(loop);
  Gate gate;
  std::atomic<int> gone{0}, ran{0};
  auto first = registry.start(pool, gate.job(), kLong);
  while (gate.running.load() == 0) std::this_thread::yield();
  const auto wait = pool.lane(Lane::kPatient).expected_wait();
  EXPECT_GT(wait, 0us);
  LoopOnly lease(loop, &gone);
  auto work = [lease = std::move(lease), &ran] { return ++ran; };
  auto second = registry.start(pool, std::move(work), kLong);
  EXPECT_GE(pool.lane(Lane::kPatient).expected_wait(), wait + 900ms);
  second.reset();
  EXPECT_EQ(gone.load(), 1) << "what it held is free at once";
  EXPECT_EQ(registry.count(), 1u);
  EXPECT_EQ(pool.queued(), 0u);
  EXPECT_LE(pool.lane(Lane::kPatient).expected_wait(), wait);
  gate.go = true;
  const bool empty = co_await registry.drained(scope);
  EXPECT_TRUE(empty);
  EXPECT_EQ(ran.load(), 0);
}
TEST(Offload, ADetachedJobThatHasNotBegunLeavesTheQueue) { run_loop(taken_back); }

// The kernel's view of the calling thread.
int own_nice() { return getpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid))); }

Task<void> niceness(Loop& loop, Scope& scope) {
  HelperPool pool(1, 64, {});
  JobRegistry registry(loop);
  auto quick = registry.start(pool, own_nice);
  auto patient = registry.start(pool, own_nice, kLong);
  const auto quick_nice = co_await quick->wait(scope);
  const auto patient_nice = co_await patient->wait(scope);
  EXPECT_FALSE(pool.nice_refused());
  constexpr int kNiceMax = 19;
  EXPECT_EQ(quick_nice, std::min(own_nice() + HelperPool::kNice, kNiceMax));
  EXPECT_EQ(patient_nice, std::min(own_nice() + HelperPool::kPatientNice, kNiceMax));
}
TEST(Offload, ThePatientLaneIsNicerThanTheQuickOne) { run_loop(niceness); }

std::atomic<int> started{0}, joined{0};
std::function<void()> counted_start(std::function<void()> body) {
  ++started;
  return [thread = std::make_shared<std::thread>(std::move(body))] {
    thread->join();
    ++joined;
  };
}

TEST(HelperPool, ThreadsAreStartedAndJoinedByTheHook) {
  {
    HelperPool pool(3, 8, {.start = counted_start});
    EXPECT_EQ(pool.threads(), 3u);
    EXPECT_EQ(started.load(), 3);
  }
  EXPECT_EQ(joined.load(), 3);
}

std::atomic<int> threads_left{0};
std::function<void()> scarce_start(std::function<void()> body) {
  if (threads_left.load() == 0) return {};
  --threads_left;
  return start_thread(std::move(body));
}

Task<void> scarce_threads(Loop& loop, Scope& scope, test::ManualClock& clock) {
  const test::ManualClock::Busy helpers(clock);
  threads_left = 2;
  HelperPool pool(2, 8, {.start = scarce_start, .time = &clock});
  EXPECT_TRUE(pool.complete());
  JobRegistry registry(loop);
  const HelperLane& patient = pool.lane(Lane::kPatient);
  auto refused = registry.start(pool, [] { return 1; }, kLong);
  EXPECT_EQ(refused, nullptr);
  EXPECT_EQ(patient.started(), 0u);
  EXPECT_EQ(pool.failed_starts(), 1u);
  auto quick = registry.start(pool, [] { return 2; });
  const auto done = co_await quick->wait(scope);
  EXPECT_EQ(done, 2) << "the other lane goes on";
  threads_left = 1;
  clock.advance(199ms);
  auto ticket = registry.start(pool, [] { return 3; }, kLong);
  EXPECT_EQ(ticket, nullptr) << "tried again every 200 ms";
  clock.advance(1ms);
  ticket = registry.start(pool, [] { return 3; }, kLong);
  const auto late = co_await ticket->wait(scope);
  EXPECT_EQ(late, 3) << "one thread of two does the work";
  EXPECT_EQ(patient.started(), 1u);
  EXPECT_FALSE(patient.complete());
  threads_left = 1;
  clock.advance(200ms);
  ticket = registry.start(pool, [] { return 4; }, kLong);
  const auto again = co_await ticket->wait(scope);
  EXPECT_EQ(again, 4);
  EXPECT_TRUE(patient.complete());
}
TEST(HelperPool, ThreadsThatDoNotStartAreTriedAgainWithLaterJobs) { run_by_clock(scarce_threads); }

TEST(HelperPool, TellsThatTheQuickLaneIsNotComplete) {
  threads_left = 1;
  const HelperPool pool(2, 8, {.start = scarce_start});
  EXPECT_FALSE(pool.complete());
}

std::atomic<int> collected{0};
void count_collect() noexcept { ++collected; }

TEST(HelperPool, EveryHelperCollectsWhenAsked) {
  collected = 0;
  {
    HelperPool pool(3, 8, {.collect = count_collect});
    pool.request_collect();
    while (collected.load() < 4) std::this_thread::yield();
  }
  EXPECT_EQ(collected.load(), 4) << "with the spare one; the patient lane has no threads yet";
}

std::atomic<bool> collect_may_end{false};
std::atomic<int> collecting{0};
void slow_collect() noexcept {
  ++collecting;
  while (!collect_may_end.load()) std::this_thread::yield();
}

// Stuck: for longer than the time asked about, and than eight times what was planned.
Task<void> stuck(Loop& loop, Scope& scope, test::ManualClock& clock) {
  HelperPool pool(2, 8, by_hand(clock));
  JobRegistry registry(loop);
  HelperLane& lane = pool.lane(Lane::kQuick);
  auto look = [&] {
    clock.advance(80ms);
    EXPECT_FALSE(pool.half_stuck(80ms));
    EXPECT_TRUE(pool.half_stuck(79ms));
    EXPECT_EQ(lane.stuck(79ms), 1u);
    EXPECT_DOUBLE_EQ(lane.longest_running_s(), 0.08);
    return 1;
  };
  auto ticket = registry.start(pool, look);
  EXPECT_TRUE(lane.run_next());
  EXPECT_FALSE(pool.half_stuck(0ms));
  auto look_again = [&] {
    clock.advance(80ms);
    EXPECT_FALSE(pool.half_stuck(1ms)) << "it was planned to take 10 ms";
    clock.advance(1ms);
    EXPECT_TRUE(pool.half_stuck(1ms));
    return 1;
  };
  auto planned = registry.start(pool, look_again, {.work = 10ms});
  EXPECT_TRUE(lane.run_next());
  co_await planned->wait(scope);
}
TEST(HelperPool, TellsWhenHalfOfALaneIsStuck) { run_by_clock(stuck); }

Task<void> jobs_past_a_collection(Loop& loop, Scope& scope) {
  collect_may_end = false;
  collecting = 0;
  HelperPool pool(1, 8, {.collect = slow_collect});
  JobRegistry registry(loop);
  pool.request_collect();
  while (collecting.load() == 0) std::this_thread::yield();
  for (int i = 0; i < 3; ++i) {
    auto ticket = registry.start(pool, [i] { return i; });
    const auto done = co_await ticket->wait(scope);
    EXPECT_EQ(done, i);
  }
  EXPECT_EQ(collecting.load(), 1) << "one at a time";
  collect_may_end = true;
  while (collecting.load() < 2) std::this_thread::yield();
}
TEST(HelperPool, NoJobWaitsForACollectingHelper) { run_loop(jobs_past_a_collection); }

std::atomic<int> running{0}, running_most{0};
int count_running() {
  const int now = ++running;
  int most = running_most.load();
  while (now > most && !running_most.compare_exchange_weak(most, now)) {
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  --running;
  return now;
}

Task<void> jobs_with_a_spare(Loop& loop, Scope& scope) {
  running = running_most = 0;
  HelperPool pool(2, 8, {.collect = count_collect});
  JobRegistry registry(loop);
  std::vector<std::unique_ptr<JobRegistry::Ticket<int>>> tickets;
  for (int i = 0; i < 8; ++i) tickets.push_back(registry.start(pool, count_running));
  for (auto& ticket : tickets) {
    const auto done = co_await ticket->wait(scope);
    EXPECT_TRUE(done.has_value());
  }
  EXPECT_EQ(running_most.load(), 2);
}
TEST(HelperPool, TheSpareHelperIsNoneForJobs) { run_loop(jobs_with_a_spare); }

Task<void> collect_in_both(Loop& loop, Scope& scope) {
  collected = 0;
  HelperPool pool(2, 8, {.collect = count_collect});
  JobRegistry registry(loop);
  auto patient = registry.start(pool, [] { return 0; }, kLong);
  const auto done = co_await patient->wait(scope);
  EXPECT_EQ(done, 0);
  pool.request_collect();
  while (collected.load() < 6) std::this_thread::yield();
}
TEST(HelperPool, PatientHelpersCollectOnceTheyRun) { run_loop(collect_in_both); }

}  // namespace
}  // namespace imgring::loop
