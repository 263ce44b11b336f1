// Tests of src/mem/buffer_pool.cc: who holds a buffer, on which thread, and what it counts.
#include "buffer_pool_helpers.h"

namespace imgring::mem {
namespace {

TEST(BufferPool, HelperMayHoldABufferWhileItsRequestIsGone) {
  BufferPool pool(options());
  std::optional<Lease> in_job;
  {
    Lease of_request = take(pool, 1000);
    of_request.set_size(1000);
    in_job = std::move(of_request);
  }  // the request is cancelled: its handle is empty
  EXPECT_EQ(pool.stats().in_use_bytes.value(), 1024u);
  pool.on_tick();
  pool.on_tick();
  std::thread([&in_job] { std::memset(in_job->span().data(), 7, in_job->size()); }).join();
  EXPECT_EQ(in_job->bytes()[999], 7);
  EXPECT_EQ(pool.stats().in_use_bytes.value(), 1024u);
  in_job.reset();
  EXPECT_EQ(pool.stats().in_use_bytes.value(), 0u);
  EXPECT_EQ(pool.stats().idle_bytes.value(), 1024u);
}

TEST(BufferPool, ForeignDestructionIsCountedAndFreed) {
  PoolOptions o = options();
  o.memory = {};
  BufferPool pool(o);
  Lease lease = take(pool, 1000);
  std::thread([moved = std::move(lease)]() mutable { moved.reset(); }).join();
  EXPECT_EQ(pool.stats().foreign_frees.load(), 1u);
  EXPECT_EQ(pool.stats().foreign_free_bytes.load(), 1024u);
  EXPECT_EQ(pool.stats().idle_count.value(), 0u) << "the pool itself is not touched";
}

TEST(BufferPoolDeathTest, ForeignDestructionStopsWhereAsked) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        PoolOptions o = options();
        o.stop_on_foreign_free = true;
        BufferPool pool(o);
        Lease lease = take(pool, 1000);
        std::thread([moved = std::move(lease)]() mutable { moved.reset(); }).join();
      },
      "stop_on_foreign_free");
}

TEST(BufferPoolDeathTest, UseFromAForeignThreadStops) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        BufferPool pool(options());
        std::thread([&pool] { static_cast<void>(pool.get(1)); }).join();
      },
      "this_thread");
}

TEST(BufferPoolDeathTest, EndingWithALeaseOutStops) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        std::optional<BufferPool> pool(std::in_place, options());
        Lease lease = take(*pool, 1);
        pool.reset();
      },
      "in_use_count");
}

TEST(BufferPoolDeathTest, SizeAboveCapacityStops) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        BufferPool pool(options());
        Lease lease = take(pool, 64);
        lease.advance(65);
      },
      "capacity_");
}

TEST(BufferPool, AdoptMovesThePoolToAnotherThread) {
  PoolOptions o = options();
  o.memory = {};
  BufferPool pool(o);
  std::thread([&pool] {
    pool.adopt();
    take(pool, 100).set_size(50);
  }).join();
  pool.adopt();
  EXPECT_EQ(pool.stats().idle_count.value(), 1u);
}

TEST(BufferPool, LeaseMoves) {
  BufferPool pool(options());
  Lease a = take(pool, 100);
  const std::uint8_t* data = a.data();
  Lease b = std::move(a);
  EXPECT_FALSE(a);  // NOLINT(bugprone-use-after-move): moved-from is empty
  EXPECT_EQ(b.data(), data);
  b = take(pool, 1000);
  EXPECT_EQ(pool.stats().idle_count.value(), 1u);
  EXPECT_EQ(b.room().size(), 1024u);
  b.advance(24);
  EXPECT_EQ(b.room().size(), 1000u);
  b.reset();
  b.reset();
  EXPECT_FALSE(b);
  EXPECT_EQ(pool.stats().in_use_count.value(), 0u);
}

TEST(BufferPool, KeptBuffersAreCountedByCapacity) {
  BufferPool pool(options());
  pass(pool, 100);       // 128: first bucket
  pass(pool, 1024);      // 1024: still the first
  pass(pool, 1025);      // 2048
  pass(pool, 9 * kMiB);  // 16 MiB: above all bounds
  const PoolStats& stats = pool.stats();
  EXPECT_EQ(stats.kept_buckets[0].value(), 2u);
  EXPECT_EQ(stats.kept_buckets[1].value(), 1u);
  EXPECT_EQ(stats.kept_buckets[14].value(), 1u);
  EXPECT_EQ(stats.kept_bytes.value(), 128 + 1024 + 2048 + 16 * kMiB);
}

}  // namespace
}  // namespace imgring::mem
