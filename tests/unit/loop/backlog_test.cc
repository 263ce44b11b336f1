// What a lane expects a new job to wait: by a clock of the test's own.
#include "imgring/loop/backlog.h"

#include <gtest/gtest.h>

namespace imgring::loop {
namespace {

using namespace std::chrono_literals;
using Time = Backlog::Time;

constexpr Time kStart{};

TEST(Backlog, NothingIsWaitedForWhileAThreadIsFree) {
  Backlog backlog(2);
  EXPECT_EQ(backlog.wait(kStart), 0us);
  backlog.queued(10s);
  backlog.started(0, 10s, kStart);
  EXPECT_EQ(backlog.wait(kStart), 0us) << "the other thread is free";
  EXPECT_EQ(backlog.waiting(), 0u);
}

TEST(Backlog, TheWorkBeforeIsSharedByTheThreads) {
  Backlog backlog(2);
  for (std::size_t thread : {0, 1}) {
    backlog.queued(100ms);
    backlog.started(thread, 100ms, kStart);
  }
  EXPECT_EQ(backlog.wait(kStart), 100ms);
  EXPECT_EQ(backlog.wait(kStart + 40ms), 60ms) << "what ran already counts";
  EXPECT_EQ(backlog.wait(kStart + 500ms), 0us) << "late jobs are expected to end any moment";
  backlog.queued(300ms);
  EXPECT_EQ(backlog.wait(kStart + 40ms), 210ms);
  backlog.taken_back(300ms);
  EXPECT_EQ(backlog.wait(kStart + 40ms), 60ms);
  EXPECT_EQ(backlog.waiting(), 0u);
}

// Runs `count` jobs of `work` that take `took` each.
Time run_jobs(Backlog* backlog, int count, Backlog::Work work, Backlog::Work took, Time now) {
  for (int i = 0; i < count; ++i) {
    backlog->queued(work);
    backlog->started(0, work, now);
    now += took;
    backlog->finished(0, now);
  }
  return now;
}

TEST(Backlog, AHugePlanThatEndsAtOnceTeachesLittle) {
  Backlog backlog(1);
  const Time now = run_jobs(&backlog, 60, 100ms, 100ms, kStart);
  run_jobs(&backlog, 3, 2h, 1ms, now);
  EXPECT_GT(backlog.pace(), 0.7);
}

TEST(Backlog, JobsThatFinishTeachHowLongOthersTake) {
  Backlog backlog(1);
  EXPECT_DOUBLE_EQ(backlog.pace(), 1);
  Time now = run_jobs(&backlog, 60, 100ms, 300ms, kStart);
  EXPECT_NEAR(backlog.pace(), 3, 0.05);
  backlog.queued(1s);
  EXPECT_NEAR(std::chrono::duration<double>(backlog.wait(now)).count(), 3, 0.05);
  backlog.taken_back(1s);
  now = run_jobs(&backlog, 60, 100ms, 50ms, now);
  EXPECT_NEAR(backlog.pace(), 0.5, 0.02) << "and it falls again";
}

TEST(Backlog, ManySmallJobsDoNotHideALargeOne) {
  Backlog backlog(1);
  run_jobs(&backlog, 60, 100ms, 100ms, kStart);
  run_jobs(&backlog, 5, 1ms, 10ms, kStart);  // tenfold, but five per cent of the time
  EXPECT_LT(backlog.pace(), 1.2);
}

TEST(Backlog, WhatHasNoEstimateTeachesNothing) {
  Backlog backlog(1);
  run_jobs(&backlog, 10, 0us, 5s, kStart);
  EXPECT_DOUBLE_EQ(backlog.pace(), 1);
}

TEST(Backlog, JobsToComeTakeWhatJobsTookOfLate) {
  Backlog backlog(2);
  EXPECT_EQ(backlog.work_of(100), 0us) << "nothing is known yet";
  run_jobs(&backlog, 10, 100ms, 300ms, kStart);
  EXPECT_EQ(backlog.work_of(0), 0us);
  EXPECT_NEAR(std::chrono::duration<double>(backlog.work_of(4)).count(), 0.6, 0.001);
}

// A job of which the plan was sure that it takes `least`, and that took `took`.
void run_sure(Backlog* backlog, Backlog::Work least, Backlog::Work took, bool whole = true) {
  backlog->queued(least * 2);
  backlog->started(0, least * 2, kStart);
  backlog->finished(0, kStart + took, whole, least);
}

TEST(Backlog, WhatIsCertainIsLessOnAFasterMachineOnly) {
  Backlog backlog(1);
  EXPECT_EQ(backlog.certain(12s), 12s) << "as measured, until something is known";
  run_sure(&backlog, 1s, 3s);
  run_sure(&backlog, 1s, 300s);
  EXPECT_EQ(backlog.certain(12s), 12s) << "a slow one is believed to have been busy";
  run_sure(&backlog, 2s, 1s);
  EXPECT_EQ(backlog.certain(12s), 6s) << "a quick one is proof";
  run_sure(&backlog, 4s, 4s);
  EXPECT_GT(backlog.certain(12s), 6s);
  EXPECT_LT(backlog.certain(12s), 7s) << "which is forgotten slowly";
  for (int i = 0; i < 100; ++i) run_sure(&backlog, 4s, 4s);
  EXPECT_EQ(backlog.certain(12s), 12s);
}

TEST(Backlog, JobsThatEndEarlyAndShortOnesProveNothing) {
  Backlog backlog(1);
  run_sure(&backlog, 10s, 1ms, false);
  run_sure(&backlog, 1ms, 1us);
  run_sure(&backlog, 0s, 1us);
  EXPECT_EQ(backlog.certain(12s), 12s);
}

TEST(Backlog, AHungJobTeachesALimitedLesson) {
  Backlog backlog(1);
  run_jobs(&backlog, 1, 1s, 24h, kStart);
  EXPECT_LE(backlog.pace(), 50);
}

}  // namespace
}  // namespace imgring::loop
