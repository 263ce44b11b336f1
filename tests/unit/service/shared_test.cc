// Tests of src/service/shared.cc and memory_watch.cc: admission of jobs.
#include "imgring/service/shared.h"

#include <gtest/gtest.h>

#include <limits>

namespace imgring::service {
namespace {

TEST(Shared, QueueSizeCountsWaitingJobsBesideTheRunningOnes) {
  const Logger log(LogFormat::kStructured, LogLevel::kCritical);
  loop::HelperPool helpers(2, 16, {});
  Shared shared(log, helpers, std::uint64_t{1} << 30);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(shared.job_admitted(3)) << i;  // 2 run, 3 wait
  EXPECT_FALSE(shared.job_room(3));
  EXPECT_FALSE(shared.job_admitted(3));
  EXPECT_EQ(shared.jobs.load(), 5);  // a refused one is not counted
  shared.job_done();
  EXPECT_TRUE(shared.job_room(3));
  EXPECT_TRUE(shared.job_admitted(3));
  for (int i = 0; i < 5; ++i) shared.job_done();
}

TEST(Shared, WithoutAQueueSizeJobsHaveABoundToo) {
  const Logger log(LogFormat::kStructured, LogLevel::kCritical);
  loop::HelperPool helpers(1, 16, {});
  Shared shared(log, helpers, std::uint64_t{1} << 30);
  shared.jobs.store(kJobsMax - 1);
  EXPECT_TRUE(shared.job_admitted(0));
  EXPECT_FALSE(shared.job_admitted(0));
  shared.jobs.store(0);
}

TEST(Shared, JobLimitsOfAnySizeAreCounted) {
  EXPECT_EQ(job_limit(0, 2), kJobsMax);
  EXPECT_EQ(job_limit(5000, 2), 5002);
  constexpr int kMost = std::numeric_limits<int>::max();
  EXPECT_EQ(job_limit(kMost, 2), kMost);
}

TEST(MemoryWatch, OneOfManyReleases) {
  MemoryWatch watch(std::uint64_t{1} << 40);
  EXPECT_TRUE(watch.may_release());
  EXPECT_FALSE(watch.may_release());
}

TEST(MemoryWatch, LevelsAreParts) {
  const MemoryWatch watch(1000 * 100);
  struct Case {
    std::uint64_t used_percent;
    MemoryLevel before, expected;
  };
  using enum MemoryLevel;
  for (const Case& c :
       {Case{10, kFine, kFine}, Case{85, kFine, kFine}, Case{86, kFine, kTight},
        Case{92, kFine, kTight}, Case{93, kFine, kFull}, Case{90, kFull, kTight},
        Case{84, kTight, kTight}, Case{84, kFine, kFine}, Case{82, kTight, kFine}}) {
    EXPECT_EQ(watch.judge(c.used_percent * 1000, c.before), c.expected) << c.used_percent;
  }
}

TEST(MemoryWatch, LooksAtThisProcess) {
  MemoryWatch roomy(std::uint64_t{1} << 60), narrow(1 << 20);
  EXPECT_EQ(roomy.look(), MemoryLevel::kFine);
  EXPECT_EQ(narrow.look(), MemoryLevel::kFull);
  EXPECT_EQ(narrow.level(), MemoryLevel::kFull);
}

TEST(MemoryWatch, CountsWhatOthersHoldForUs) {
  MemoryWatch watch(std::uint64_t{1} << 40);
  watch.count_too([] { return std::uint64_t{900} << 30; });
  EXPECT_EQ(watch.look(), MemoryLevel::kTight);
}

}  // namespace
}  // namespace imgring::service
