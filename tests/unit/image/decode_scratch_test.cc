// Memory of large decodes: used again, bounded, given back.
#include "imgring/image/decode_scratch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "../byte_units.h"

namespace imgring::image {
namespace {

TEST(DecodeScratch, ABlockServesTheNextPicture) {
  DecodeScratch scratch(64 * kMiB);
  const std::byte* first = nullptr;
  {
    DecodeScratch::Block block = scratch.take(36 * kMiB);
    ASSERT_TRUE(block);
    std::memset(block.data(), 1, 36 * kMiB);
    first = block.data();
    EXPECT_EQ(scratch.idle_bytes(), 0u);
  }
  EXPECT_EQ(scratch.idle_bytes(), 36 * kMiB);
  const DecodeScratch::Block smaller = scratch.take(12 * kMiB);
  EXPECT_EQ(smaller.data(), first);
  EXPECT_EQ(scratch.idle_bytes(), 0u);
}

TEST(DecodeScratch, ALargerBlockReplacesASmallerOne) {
  DecodeScratch scratch(64 * kMiB);
  {
    const DecodeScratch::Block block = scratch.take(10 * kMiB);
  }
  {
    const DecodeScratch::Block block = scratch.take(30 * kMiB);
  }
  EXPECT_EQ(scratch.idle_bytes(), 30 * kMiB);
}

TEST(DecodeScratch, NothingIdleAboveItsMost) {
  DecodeScratch scratch(40 * kMiB);
  {
    const DecodeScratch::Block one = scratch.take(30 * kMiB);
    const DecodeScratch::Block two = scratch.take(30 * kMiB);
    EXPECT_NE(one.data(), two.data());
  }
  EXPECT_EQ(scratch.idle_bytes(), 30 * kMiB);
  {
    const DecodeScratch::Block block = scratch.take(41 * kMiB);
  }
  EXPECT_EQ(scratch.idle_bytes(), 0u);
}

TEST(DecodeScratch, NothingIdleWhileJobsWaitForBytes) {
  mem::Budget budget(64 * kMiB);
  std::atomic<int> waiters{0};
  DecodeScratch scratch(64 * kMiB, {.budget = &budget, .waiters = &waiters});
  {
    const DecodeScratch::Block block = scratch.take(20 * kMiB);
  }
  EXPECT_EQ(scratch.idle_bytes(), 20 * kMiB);
  EXPECT_EQ(budget.current(), 20 * kMiB);
  waiters = 1;
  {
    const DecodeScratch::Block block = scratch.take(20 * kMiB);
  }
  EXPECT_EQ(scratch.idle_bytes(), 0u) << "they would wait for it until the next tick";
  EXPECT_EQ(budget.current(), 0u);
}

// A block that was about to be kept when a waiter took what is idle, was kept all the same: the
// waiter looked at the clock, or the block at the waiters, before the other was there.
TEST(DecodeScratch, WhoTookWhatIsIdleFindsNothingMoreWhileItWaits) {
  mem::Budget budget(64 * kMiB);
  std::atomic<int> waiters{0};
  std::atomic<bool> over{false};
  DecodeScratch scratch(64 * kMiB, {.budget = &budget, .waiters = &waiters});
  std::thread decoder([&] {
    while (!over) const DecodeScratch::Block block = scratch.take(4096);
  });
  int kept = 0;
  for (int i = 0; i < 20'000; ++i) {
    waiters.fetch_add(1);
    scratch.release_all();
    for (int look = 0; look < 20; ++look) kept += scratch.idle_bytes() > 0 ? 1 : 0;
    waiters.fetch_sub(1);
  }
  over = true;
  decoder.join();
  EXPECT_EQ(kept, 0);
}

// Of 30 MiB that were touched once, a job that asked for 12 is granted 12.
TEST(DecodeScratch, WhatABlockHasAboveItsJobStaysInTheLedger) {
  mem::Budget budget(64 * kMiB);
  DecodeScratch scratch(64 * kMiB, {.budget = &budget});
  {
    const DecodeScratch::Block block = scratch.take(30 * kMiB);
  }
  {
    DecodeScratch::Block block = scratch.take(12 * kMiB);
    EXPECT_EQ(budget.current(), 18 * kMiB);
    const DecodeScratch::Block moved = std::move(block);
    EXPECT_EQ(budget.current(), 18 * kMiB);
  }
  EXPECT_EQ(budget.current(), 30 * kMiB);
  {
    const DecodeScratch::Block block = scratch.take(12 * kMiB);
    ASSERT_TRUE(budget.try_acquire(46 * kMiB));  // no room to keep it
  }
  EXPECT_EQ(scratch.idle_bytes(), 0u);
  EXPECT_EQ(budget.current(), 46 * kMiB);
  budget.release(46 * kMiB);
}

TEST(DecodeScratch, WhatWasNotUsedForAWhileGoes) {
  DecodeScratch scratch(64 * kMiB);
  const auto before = DecodeScratch::Clock::now();
  {
    const DecodeScratch::Block block = scratch.take(20 * kMiB);
  }
  scratch.release_unused(before);
  EXPECT_EQ(scratch.idle_bytes(), 20 * kMiB) << "used since";
  scratch.release_unused(DecodeScratch::Clock::now() + std::chrono::seconds(1));
  EXPECT_EQ(scratch.idle_bytes(), 0u);
}

TEST(DecodeScratch, NoMemoryIsAnEmptyBlock) {
  DecodeScratch scratch(kMiB);
  const DecodeScratch::Block block = scratch.take(std::size_t{1} << 60);
  EXPECT_FALSE(block);
  EXPECT_EQ(block.data(), nullptr);
}

TEST(DecodeScratch, ABlockMoves) {
  DecodeScratch scratch(64 * kMiB);
  DecodeScratch::Block one = scratch.take(9 * kMiB), two;
  two = std::move(one);
  EXPECT_FALSE(one);
  EXPECT_TRUE(two);
  two = DecodeScratch::Block();
  EXPECT_EQ(scratch.idle_bytes(), 9 * kMiB);
}

}  // namespace
}  // namespace imgring::image
