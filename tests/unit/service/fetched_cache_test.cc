// Watermarks that are kept: how many, how long, and whose bytes they are.
#include "imgring/service/fetched_cache.h"

#include <gtest/gtest.h>

namespace imgring::service {
namespace {

using namespace std::chrono_literals;
using CacheTime = FetchedCache::Time;

FetchedPtr mark_of(std::size_t bytes) {
  auto mark = std::make_shared<FetchedPicture>();
  mark->image.bytes.assign(bytes, 'x');
  return mark;
}

TEST(FetchedCache, GivesWhatWasAskedForLately) {
  mem::Budget budget(1000);
  FetchedCache cache(2, budget);
  const CacheTime now{};
  cache.keep("a", mark_of(1), now);
  cache.keep("b", mark_of(1), now);
  EXPECT_NE(cache.find("a", now), nullptr);
  cache.keep("c", mark_of(1), now);
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(cache.find("b", now), nullptr);
  EXPECT_NE(cache.find("a", now), nullptr);
  EXPECT_NE(cache.find("c", now), nullptr);
  // One URL is kept once.
  const FetchedPtr again = mark_of(2);
  cache.keep("c", again, now);
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(cache.find("c", now), again);
  cache.clear();
  EXPECT_EQ(budget.current(), 2u) << "whoever has it keeps its bytes counted";
}

TEST(FetchedCache, HoldsNoMoreThanItsBytes) {
  mem::Budget budget(100);
  FetchedCache cache(10, budget), other(10, budget);
  const CacheTime now{};
  other.keep("x", mark_of(40), now);
  cache.keep("a", mark_of(30), now);
  cache.keep("b", mark_of(30), now);
  EXPECT_EQ(budget.current(), 100u);
  cache.keep("c", mark_of(60), now);  // both make room, what another core has does not
  EXPECT_EQ(cache.size(), 1u);
  EXPECT_NE(cache.find("c", now), nullptr);
  cache.keep("d", mark_of(61), now);
  EXPECT_EQ(cache.size(), 0u);
  EXPECT_EQ(budget.current(), 40u);
  cache.keep("e", mark_of(101), now);
  EXPECT_EQ(cache.size(), 0u);
}

TEST(FetchedCache, GivesBackAtTicksAndGivesNothingOld) {
  mem::Budget budget(100);
  FetchedCache cache(10, budget);
  CacheTime now{};
  cache.keep("a", mark_of(10), now);
  cache.keep("b", mark_of(10), now);
  now += 59s;
  EXPECT_NE(cache.find("a", now), nullptr);
  now += 1s;
  cache.tick(now);
  EXPECT_EQ(cache.size(), 1u);
  EXPECT_EQ(budget.current(), 10u);
  while (now < CacheTime{} + 10min) {
    EXPECT_NE(cache.find("a", now), nullptr);
    now += 30s;
    cache.tick(now);
  }
  EXPECT_EQ(cache.find("a", now), nullptr);
  EXPECT_EQ(budget.current(), 0u);
}

TEST(FetchedCache, OfNoEntriesKeepsNothing) {
  mem::Budget budget(100);
  FetchedCache cache(0, budget);
  cache.keep("a", mark_of(10), {});
  EXPECT_EQ(cache.find("a", {}), nullptr);
  EXPECT_EQ(budget.current(), 0u);
}

}  // namespace
}  // namespace imgring::service
