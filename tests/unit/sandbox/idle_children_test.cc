// Children behind their job: what they may keep, what they may do, and when they end.
#include <sys/mman.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "scripted_children.h"

namespace imgring::sandbox {
namespace {

using namespace test;

constexpr std::size_t kGrowth = kGrownBytes + (4 << 20);

// Takes memory with each question; at the end of the job it gives that back or does not.
template <bool kGivesBack>
void grow(int socket) {
  void* taken = nullptr;
  for (;;) {
    Ask ask;
    hear(socket, &ask);
    if (taken == nullptr) {
      taken = mmap(nullptr, kGrowth, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      std::memset(taken, 1, kGrowth);
    }
    if (ask.kind != AskKind::kEnd) {
      say(socket, 1);
    } else if (kGivesBack) {
      munmap(std::exchange(taken, nullptr), kGrowth);
    }
  }
}

// It says nothing of it: the kernel is asked.
TEST(Children, OneThatKeepsWhatItsJobTookIsEnded) {
  Children children(scripted(grow<false>));
  for (const std::uint64_t started : {1, 2}) {
    ASSERT_TRUE(work(&children).has_value());
    EXPECT_EQ(children.numbers().alive, 0u);
    EXPECT_EQ(children.numbers().started, started);
  }
  EXPECT_EQ(children.numbers().died, 0u);
}

TEST(Children, OneThatGivesItBackIsKept) {
  Children children(scripted(grow<true>));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(work(&children).has_value());
  EXPECT_EQ(children.numbers().alive, 1u);
  EXPECT_EQ(children.numbers().started, 1u);
}

TEST(Children, IdleOnesAreInTheLedgerWithWhatTheyHold) {
  ChildrenOptions options = scripted(answer_all);
  mem::Budget budget(std::uint64_t{1} << 30);
  options.idle_budget = &budget;
  {
    Children children(std::move(options));
    ASSERT_TRUE(work(&children).has_value());
    EXPECT_GE(budget.current(), std::max(children.numbers().anon_bytes, mem::kIdleChildBytes));
    const auto busy = begin(&children);
    EXPECT_EQ(budget.current(), 0u) << "a job's memory is its grant's";
  }
  EXPECT_EQ(budget.current(), 0u);
}

TEST(Children, EndWhenTheyHaveNothingToDo) {
  ChildrenOptions options = scripted(answer_all);
  Children children(std::move(options));
  ASSERT_TRUE(work(&children).has_value());
  EXPECT_EQ(children.numbers().alive, 1u);
  EXPECT_GT(children.numbers().resident_bytes, 0u);
  {
    const auto busy = begin(&children);
    ASSERT_TRUE(busy.has_value());
    end_all_idle(&children);
    EXPECT_EQ(children.numbers().alive, 1u);  // not one with a source
  }
  end_all_idle(&children);
  EXPECT_FALSE(children.any());
  EXPECT_EQ(children.numbers().died, 0u);
  EXPECT_TRUE(work(&children).has_value());
}

void answer_one_job(int socket) {
  for (Ask ask; hear(socket, &ask), ask.kind == AskKind::kAsk;) say(socket, 1);
}

// Not told of any job, and at work: it was taken over.
TEST(Children, OneThatWorksWithoutAJobIsEndedAtATick) {
  for (const bool grows : {false, true}) {
    SCOPED_TRACE(grows ? "grows" : "uses CPU");
    const auto busy = [](int s) {
      answer_one_job(s);
      for (volatile int i = 0;; i = 0) {
      }
    };
    const auto greedy = [](int s) {
      answer_one_job(s);
      usleep(100'000);
      void* taken =
          mmap(nullptr, 3 * kGrowth, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      std::memset(taken, 1, 3 * kGrowth);
      pause();
    };
    Children children(scripted(grows ? Script(greedy) : Script(busy)));
    ASSERT_TRUE(work(&children).has_value());
    EXPECT_EQ(children.numbers().alive, 1u);
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (children.any() && std::chrono::steady_clock::now() < end) {
      children.end_idle(Children::Clock::time_point::min());  // none is idle for so long
      std::this_thread::sleep_for(20ms);
    }
    EXPECT_FALSE(children.any());
    EXPECT_EQ(children.numbers().died, 1u);
  }
}

TEST(Children, OneThatIsQuietStaysUntilItsTime) {
  Children children(scripted(answer_all));
  ASSERT_TRUE(work(&children).has_value());
  for (int i = 0; i < 20; ++i) {
    children.end_idle(Children::Clock::time_point::min());
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_TRUE(children.any());
}

TEST(Children, OneThatDiedIdleIsReplacedWithoutAWord) {
  static pid_t last = -1;
  ChildrenOptions options;
  options.start = [](const Kind&) {
    auto process = fork_child(answer_all);
    last = process->pid;
    return process;
  };
  Children children(std::move(options));
  ASSERT_TRUE(work(&children).has_value());
  ASSERT_GT(last, 0);  // -1 would be every process of this machine
  ASSERT_EQ(kill(last, SIGKILL), 0);
  siginfo_t gone{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(last), &gone, WEXITED | WNOWAIT), 0);
  EXPECT_TRUE(work(&children).has_value());
  EXPECT_EQ(children.numbers().started, 2u);
  EXPECT_EQ(children.numbers().died, 1u);
}

}  // namespace
}  // namespace imgring::sandbox
