// Verdicts of the self-test: by looks at a clock of the test's own.
#include "../../../src/server/health_watch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace imgring::server {
namespace {

using namespace std::chrono_literals;
using State = HealthWatch::State;

std::atomic<bool> passes{true}, may_end{true};
std::atomic<int> begun{0}, hanging{0};

bool scripted_test() noexcept {
  ++begun;
  if (!may_end) {
    ++hanging;
    may_end.wait(false);
    --hanging;
  }
  return passes.load();
}

void let_go(bool go) {
  may_end = go;
  may_end.notify_all();
}

// One look a second, from some hour on.
struct Looks {
  loop::Clock::time_point now{1h};
  State at(HealthWatch& watch, std::chrono::milliseconds later = 1s) {
    now += later;
    return watch.look(now);
  }
  // Looks until it says that; the test's thread runs meanwhile.
  bool until(HealthWatch& watch, State state) {
    for (int i = 0; i < 10'000; ++i) {
      if (at(watch) == state) return true;
      std::this_thread::sleep_for(1ms);
    }
    return false;
  }
};

class HealthWatchTest : public testing::Test {
 protected:
  void SetUp() override {
    passes = true;
    let_go(true);
    begun = 0;
    options.test = scripted_test;
    options.every = 1ms;
  }
  void wait_until_one_hangs() {
    while (hanging.load() == 0) std::this_thread::yield();
  }
  HealthWatch::Options options;
  Looks looks;
};

TEST_F(HealthWatchTest, SaysWhatTheTestSaidLast) {
  HealthWatch watch(options);
  EXPECT_TRUE(looks.until(watch, State::kPasses));
  passes = false;
  EXPECT_TRUE(looks.until(watch, State::kFails));
  passes = true;
  EXPECT_TRUE(looks.until(watch, State::kPasses));
  EXPECT_TRUE(watch.stop());
}

TEST_F(HealthWatchTest, WhatDoesNotComeBackForManyLooksIsLostUntilItDoes) {
  HealthWatch watch(options);
  EXPECT_TRUE(looks.until(watch, State::kPasses));
  let_go(false);
  wait_until_one_hangs();
  looks.at(watch);  // may still see the one before
  for (int i = 1; i < HealthWatch::kLostLooks; ++i) {
    const State state = looks.at(watch);
    EXPECT_TRUE(state == State::kPasses || i == HealthWatch::kLostLooks - 1) << i;
  }
  EXPECT_EQ(looks.at(watch), State::kLost);
  let_go(true);
  EXPECT_TRUE(looks.until(watch, State::kPasses));
}

TEST_F(HealthWatchTest, AFrozenProcessOrAHastyMainHasOneLook) {
  HealthWatch watch(options);
  EXPECT_TRUE(looks.until(watch, State::kPasses));
  let_go(false);
  wait_until_one_hangs();
  EXPECT_EQ(looks.at(watch, 2h), State::kPasses);
  EXPECT_EQ(looks.at(watch, 2h), State::kPasses);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(looks.at(watch, 5ms), State::kPasses);
  let_go(true);
}

std::atomic<bool> no_threads{false};
std::function<void()> scarce_start(std::function<void()> body) {
  if (no_threads) return {};
  return loop::start_thread(std::move(body));
}

TEST_F(HealthWatchTest, WithoutAThreadItIsTriedAgainAtEachLook) {
  no_threads = true;
  options.start = scarce_start;
  HealthWatch watch(options);
  EXPECT_EQ(looks.at(watch), State::kNoThread);
  EXPECT_EQ(looks.at(watch), State::kNoThread);
  EXPECT_EQ(begun.load(), 0);
  no_threads = false;
  EXPECT_TRUE(looks.until(watch, State::kPasses));
  EXPECT_TRUE(watch.stop());
}

TEST_F(HealthWatchTest, StopsAtOnceBetweenTwoTestsAndGivesUpOnOneThatHangs) {
  options.every = 1h;
  options.stop_max = 10ms;
  {
    HealthWatch watch(options);
    EXPECT_TRUE(looks.until(watch, State::kPasses));
    EXPECT_TRUE(watch.stop());
    EXPECT_TRUE(watch.stop());
  }
  let_go(false);
  HealthWatch watch(options);
  wait_until_one_hangs();
  EXPECT_FALSE(watch.stop());
  let_go(true);
  while (!watch.stop()) std::this_thread::yield();
}

}  // namespace
}  // namespace imgring::server
