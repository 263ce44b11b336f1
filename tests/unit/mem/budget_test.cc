// Bytes that are taken and given back, among threads too.
#include "imgring/mem/budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace imgring::mem {
namespace {

TEST(Budget, AllOrNothing) {
  Budget budget(100);
  EXPECT_TRUE(budget.try_acquire(60));
  EXPECT_FALSE(budget.try_acquire(41));
  EXPECT_TRUE(budget.try_acquire(40));
  EXPECT_FALSE(budget.try_acquire(1));
  EXPECT_FALSE(budget.try_acquire(~std::uint64_t{0})) << "no wrapping around";
  EXPECT_EQ(budget.current(), 100u);
  budget.release(100);
  EXPECT_EQ(budget.current(), 0u);
  EXPECT_EQ(budget.max(), 100u);
}

TEST(Budget, KeepsItsPeak) {
  Budget budget(100);
  EXPECT_EQ(budget.peak(), 0u);
  ASSERT_TRUE(budget.try_acquire(60));
  budget.release(50);
  ASSERT_TRUE(budget.try_acquire(20));
  EXPECT_FALSE(budget.try_acquire(90));
  EXPECT_EQ(budget.peak(), 60u) << "what was refused is no use";
  budget.release(30);
  EXPECT_EQ(budget.peak(), 60u);
}

TEST(Budget, ReservedBytesAreLeftByTheOthers) {
  Budget budget(100);
  std::optional<Grant> some = budget.try_grant(50);
  EXPECT_TRUE(budget.reserve(70));
  EXPECT_FALSE(budget.reserve(10)) << "one at a time";
  EXPECT_FALSE(budget.try_acquire(10));
  EXPECT_FALSE(budget.redeem().has_value());
  some->shrink_to(20);
  EXPECT_TRUE(budget.try_acquire(10));
  std::optional<Grant> reserved = budget.redeem();
  ASSERT_TRUE(reserved.has_value());
  EXPECT_EQ(reserved->bytes(), 70u);
  EXPECT_EQ(budget.current(), 100u);
  budget.release(10);
  EXPECT_TRUE(budget.reserve(30));
  budget.unreserve();
  EXPECT_TRUE(budget.try_acquire(10));
  budget.release(10);
}

TEST(Budget, GrantsGiveBack) {
  Budget budget(100);
  {
    std::optional<Grant> a = budget.try_grant(50);
    ASSERT_TRUE(a.has_value());
    EXPECT_FALSE(budget.try_grant(51).has_value());
    EXPECT_TRUE(a->add(20));
    EXPECT_FALSE(a->add(31));
    EXPECT_EQ(a->bytes(), 70u);
    Grant b = std::move(*a);
    EXPECT_EQ(budget.current(), 70u);
    b.shrink_to(10);
    b.shrink_to(90);
    EXPECT_EQ(budget.current(), 10u);
    b = *budget.try_grant(80);
    EXPECT_EQ(budget.current(), 80u);
  }
  EXPECT_EQ(budget.current(), 0u);
}

TEST(Budget, HoldsAmongThreads) {
  Budget budget(10);
  std::atomic<int> granted = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&budget, &granted] {
      for (int i = 0; i < 10'000; ++i) {
        if (std::optional<Grant> grant = budget.try_grant(4)) {
          granted.fetch_add(1, std::memory_order_relaxed);
          EXPECT_LE(budget.current(), 10u);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(granted.load(), 0);
  EXPECT_EQ(budget.current(), 0u);
}

TEST(BudgetDeathTest, GivingBackTooMuchStops) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Budget budget(10);
        budget.release(1);
      },
      "before");
}

}  // namespace
}  // namespace imgring::mem
