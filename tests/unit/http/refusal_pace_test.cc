// The schedule of refusals, with times of the test's own.
#include "imgring/http/refusal_pace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <queue>
#include <vector>

namespace imgring::http {
namespace {

using namespace std::chrono_literals;
using Time = RefusalPace::Time;
using Duration = RefusalPace::Duration;

constexpr Time kStart{std::chrono::hours(1)};

TEST(RefusalPace, UpToAThousandASecondNobodyIsHeld) {
  RefusalPace pace;
  for (int i = 0; i < 5000; ++i) {
    EXPECT_EQ(pace.count(RefusalPace::kRefusalSlot, kStart + i * 1ms), Duration::zero()) << i;
  }
}

TEST(RefusalPace, AShortBurstIsNotHeldAndALongOneIs) {
  RefusalPace pace;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(pace.count(RefusalPace::kRefusalSlot, kStart), Duration::zero()) << i;
  }
  for (int i = 1; i < 50; ++i) {
    EXPECT_EQ(pace.count(RefusalPace::kRefusalSlot, kStart), 100ms) << i << ": on the grid";
  }
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(pace.count(RefusalPace::kRefusalSlot, kStart), 150ms) << i << ": fifty together";
  }
  EXPECT_EQ(pace.count(RefusalPace::kRefusalSlot, kStart), 200ms) << "the next ones later";
}

TEST(RefusalPace, AHoldIsBetweenATenthAndOneSecondAndGrowsWithTheFlood) {
  Duration before = Duration::zero();
  for (int each_ms : {2, 4, 8, 16}) {  // refusals that come in one millisecond
    RefusalPace pace;
    Duration sum = Duration::zero();
    for (int i = 0; i < 200 * each_ms; ++i) {
      const Duration held = pace.count(RefusalPace::kRefusalSlot, kStart + i / each_ms * 1ms);
      EXPECT_TRUE(held == Duration::zero() || (held >= 100ms && held <= 1000ms));
      sum += held;
    }
    const Duration middle = sum / (200 * each_ms);
    EXPECT_GT(middle, before) << each_ms;
    before = middle;
  }
}

// A client that asks at once when it may, a thousand times over: they come back at the pace.
TEST(RefusalPace, AClosedLoopComesDownToThePace) {
  for (const int clients : {50, 500, 2000}) {
    RefusalPace pace;
    std::priority_queue<Time, std::vector<Time>, std::greater<>> asks;
    for (int i = 0; i < clients; ++i) asks.push(kStart);
    std::vector<int> in_10ms(1000);
    while (asks.top() < kStart + 10s) {
      const Time now = asks.top();
      asks.pop();
      ++in_10ms[static_cast<std::size_t>((now - kStart) / 10ms)];
      asks.push(now + pace.count(RefusalPace::kRefusalSlot, now) + 100us);
    }
    int late = 0;
    for (std::size_t i = 500; i < in_10ms.size(); ++i) late += in_10ms[i];
    // Above kHoldMax's worth of clients each of them asks once in half a second or so.
    const int most = std::max(1000, clients * 2);
    EXPECT_LE(late, 5 * most * 11 / 10) << clients;
    EXPECT_GE(late, 5 * 400) << clients;
    // A tenth of a second's worth is not held, and the others come twenty times a second.
    EXPECT_LE(*std::max_element(in_10ms.begin() + 500, in_10ms.end()), 100 + most / 10)
        << clients << ": in step";
  }
}

TEST(RefusalPace, MistakesAreCountedAtAFifth) {
  RefusalPace pace;
  for (int i = 0; i < 500; ++i) {
    EXPECT_EQ(pace.count(RefusalPace::kMistakeSlot, kStart), Duration::zero()) << i;
  }
  EXPECT_GE(pace.count(RefusalPace::kMistakeSlot, kStart), 100ms);
  EXPECT_GE(pace.count(RefusalPace::kRefusalSlot, kStart), 100ms) << "both share the loop";
}

TEST(RefusalPace, AFloodThatHasEndedLeavesNoDebt) {
  RefusalPace pace;
  for (int i = 0; i < 100'000; ++i) pace.count(RefusalPace::kRefusalSlot, kStart);
  EXPECT_EQ(pace.count(RefusalPace::kRefusalSlot, kStart + 1s), Duration::zero());
}

}  // namespace
}  // namespace imgring::http
