// Tests of src/service/equal_lines.cc: what is written, what is counted, what the count says.
#include "imgring/service/equal_lines.h"

#include <gtest/gtest.h>

#include <thread>

namespace imgring::service {
namespace {

struct Failure {
  Error error{ErrorCode::kOverloaded, "all helpers are busy"};
  FailedRequest request{LogLevel::kError, 503, "GET", "203.0.113.7", &error};
};

// How many of them are written.
int written(EqualLines& lines, const FailedRequest& request, std::int64_t second, int count) {
  int out = 0;
  for (int i = 0; i < count; ++i) {
    std::optional<SummedLines> before;
    out += lines.admit(request, second, &before) ? 1 : 0;
    EXPECT_FALSE(before && i > 0);
  }
  return out;
}

TEST(EqualLines, AHundredInASecondAreWrittenAndTheOthersCounted) {
  EqualLines lines;
  const Failure failure;
  EXPECT_EQ(written(lines, failure.request, 10, 250), 100);
  EXPECT_EQ(lines.summed(), 150u);
  EXPECT_TRUE(lines.take(10).empty());  // its second is not over
  const auto sums = lines.take(11);
  ASSERT_EQ(sums.size(), 1u);
  EXPECT_EQ(sums[0].count, 150);
  EXPECT_EQ(sums[0].level, LogLevel::kError);
  EXPECT_EQ(sums[0].status, 503);
  EXPECT_EQ(sums[0].method, "GET");
  EXPECT_EQ(sums[0].client, "203.0.113.7");
  EXPECT_EQ(sums[0].error, "Server is overloaded: all helpers are busy");
  EXPECT_TRUE(lines.take(12).empty());
  EXPECT_EQ(written(lines, failure.request, 11, 250), 100);
}

TEST(EqualLines, TheNextOfItsKindBringsTheCountAlong) {
  EqualLines lines;
  const Failure failure;
  written(lines, failure.request, 10, 101);
  std::optional<SummedLines> before;
  EXPECT_TRUE(lines.admit(failure.request, 11, &before));
  ASSERT_TRUE(before.has_value());
  EXPECT_EQ(before->count, 1);
  EXPECT_TRUE(lines.take(12).empty());
}

// A thread that has looked at the clock before another begins no second anew.
TEST(EqualLines, ASecondIsNotBegunTwice) {
  EqualLines lines;
  const Failure failure;
  EXPECT_EQ(written(lines, failure.request, 11, 60), 60);
  EXPECT_EQ(written(lines, failure.request, 10, 60), 40);
  EXPECT_EQ(written(lines, failure.request, 11, 60), 0);
}

TEST(EqualLines, OtherReasonsAndLevelsAreOtherKinds) {
  EqualLines lines;
  Failure failure;
  written(lines, failure.request, 10, 200);
  const Error timeout(ErrorCode::kTimeout);
  FailedRequest other = failure.request;
  other.error = &timeout;
  EXPECT_EQ(written(lines, other, 10, 200), 100);
  other.error = nullptr;
  EXPECT_EQ(written(lines, other, 10, 200), 100);
  other = failure.request;
  other.level = LogLevel::kWarning;
  EXPECT_EQ(written(lines, other, 10, 200), 100);
  EXPECT_EQ(lines.take(11).size(), 4u);
}

TEST(EqualLines, TheCountShowsWhatAllHaveInCommon) {
  EqualLines lines;
  Failure failure;
  written(lines, failure.request, 10, 101);
  failure.request.client = "203.0.113.8";
  failure.error.detail = "another";
  written(lines, failure.request, 10, 1);
  failure.request.client = "203.0.113.7";
  written(lines, failure.request, 10, 1);
  const auto sums = lines.take(11);
  ASSERT_EQ(sums.size(), 1u);
  EXPECT_EQ(sums[0].count, 3);
  EXPECT_EQ(sums[0].client, std::nullopt);
  EXPECT_EQ(sums[0].method, "GET");
  EXPECT_EQ(sums[0].error, "Server is overloaded");
}

TEST(EqualLines, ManyThreadsWriteAHundredTogether) {
  EqualLines lines;
  std::atomic<int> all{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const Failure failure;
      all += written(lines, failure.request, 10, 1000);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(all, 100);
  EXPECT_EQ(lines.take(11).at(0).count, 3900);
}

}  // namespace
}  // namespace imgring::service
