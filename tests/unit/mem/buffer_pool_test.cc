// Tests of src/mem/buffer_pool.cc: classes, calibration, reservation, growth, decay, ownership.
#include "buffer_pool_helpers.h"

namespace imgring::mem {
namespace {

TEST(BufferPool, ClassArithmetic) {
  struct Case {
    std::size_t size;
    int index;
  };
  const Case cases[] = {{0, 0},
                        {1, 0},
                        {64, 0},
                        {65, 1},
                        {128, 1},
                        {129, 2},
                        {4096, 6},
                        {4097, 7},
                        {kMiB, 14},
                        {16 * kMiB, 18},
                        {16 * kMiB + 1, 19},
                        {32 * kMiB, 19},
                        {32 * kMiB + 1, 19},
                        {kNoLimit, 19}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.size);
    EXPECT_EQ(class_for(c.size), c.index);
  }
  EXPECT_EQ(class_size(0), 64u);
  EXPECT_EQ(class_size(19), 32 * kMiB);
  EXPECT_EQ(kClassSizeBytesMax, 32 * kMiB);
}

TEST(BufferPool, IdleLimitSharesTheWorkersOutButIsTwoAtLeast) {
  EXPECT_EQ(idle_limit_for(2, 2), 2u);
  EXPECT_EQ(idle_limit_for(1, 8), 2u);
  EXPECT_EQ(idle_limit_for(9, 2), 5u);
  EXPECT_EQ(idle_limit_for(8, 2), 4u);
  EXPECT_EQ(idle_limit_for(8, 0), 8u);
}

// Before the first calibration every size would be kept, and afterwards up to 32 MiB each.
TEST(BufferPool, IdleBuffersAreBoundedAllTogether) {
  PoolOptions o = options();
  o.kept_bytes_max = 3 * kMiB;
  BufferPool pool(o);
  {
    const Lease one = take(pool, kMiB), two = take(pool, kMiB), three = take(pool, kMiB),
                four = take(pool, kMiB);
  }
  EXPECT_EQ(pool.stats().idle_bytes.value(), 3 * kMiB);
  EXPECT_EQ(pool.stats().dropped_full.value(), 1u);
}

TEST(BufferPool, IdleBuffersAreInTheLedgerAndNotKeptWhileOthersWait) {
  PoolOptions o = options();
  Budget budget(2 * kMiB);
  std::atomic<int> waiters{0};
  o.budget = &budget;
  o.waiters = &waiters;
  BufferPool pool(o);
  {
    const Lease one = take(pool, kMiB), two = take(pool, kMiB), three = take(pool, kMiB);
  }
  EXPECT_EQ(budget.current(), 2 * kMiB) << "no room for the third";
  {
    const Lease one = take(pool, kMiB);
    EXPECT_EQ(budget.current(), kMiB) << "one in use is its body's";
    waiters = 1;
  }
  EXPECT_EQ(budget.current(), kMiB);
  pool.drop_idle();
  EXPECT_EQ(budget.current(), 0u);
}

TEST(BufferPool, FirstReservationDoesNotBelieveContentLength) {
  BufferPool pool(options());
  struct Case {
    std::size_t expected, capacity;
  };
  const Case cases[] = {{1, 64},
                        {64, 64},
                        {65, 128},
                        {100'000, 131072},
                        {kMiB, kMiB},
                        {kMiB + 1, kMiB},
                        {std::size_t{1} << 40, kMiB},
                        {kNoLimit, kMiB},
                        {0, 4096}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.expected);
    pool.drop_idle();
    EXPECT_EQ(take(pool, c.expected).capacity(), c.capacity);
  }
  EXPECT_LE(t_book.largest, kMiB);
}

TEST(BufferPool, AfterCalibrationTheReservationIsMaxSize) {
  BufferPool pool(options());
  for (int i = 0; i < 64; ++i) pass(pool, 3 * kMiB);
  EXPECT_EQ(pool.max_size(), 4 * kMiB);
  pool.drop_idle();
  EXPECT_EQ(take(pool, std::size_t{1} << 40).capacity(), 4 * kMiB);
  pool.drop_idle();
  EXPECT_EQ(take(pool, 10).capacity(), 4 * kMiB) << "default_size is the least";
}

TEST(BufferPool, ConfiguredSizeIsTheFirstAllocationAndNotEarlier) {
  PoolOptions o = options();
  o.configured_size_bytes = 100'000;
  BufferPool pool(o);
  EXPECT_EQ(t_book.allocations, 0);
  EXPECT_EQ(pool.default_size(), 131072u);
  EXPECT_EQ(take(pool, 0).capacity(), 131072u);
  pool.drop_idle();
  EXPECT_EQ(take(pool, 5).capacity(), 131072u);
}

TEST(BufferPool, GzipBoundsAreBelieved) {
  BufferPool pool(options(PoolUse::kGzip));
  EXPECT_EQ(take(pool, 3 * kMiB).capacity(), 4 * kMiB);
  EXPECT_EQ(take(pool, 33 * kMiB + 1).capacity(), 33 * kMiB + 4096);
  EXPECT_EQ(pool.name(), "gzip");
}

TEST(BufferPool, GzipSamplesAreTheRequestedBounds) {
  BufferPool pool(options(PoolUse::kGzip));
  for (int i = 0; i < 64; ++i) {
    Lease lease = take(pool, 100'000);
    lease.set_size(10);  // compressed well
  }
  EXPECT_EQ(pool.default_size(), 131072u);
  EXPECT_EQ(pool.max_size(), 131072u);
  EXPECT_EQ(pool.stats().misses.value(), 1u);
}

TEST(BufferPool, GzipBoundAboveMaxSizeTakesPagesAndIsNotKept) {
  BufferPool pool(options(PoolUse::kGzip));
  for (int i = 0; i < 64; ++i) take(pool, 10'000);
  EXPECT_EQ(pool.max_size(), 16384u);
  EXPECT_EQ(take(pool, 20'000).capacity(), 20480u);
  EXPECT_EQ(pool.stats().dropped_too_big.value(), 1u);
}

struct Samples {
  std::size_t size;
  int count;
};
struct Calibration {
  std::string_view name;
  std::vector<Samples> samples;
  std::size_t default_size, max_size;
};

TEST(BufferPool, CalibrationTakesTheClassesThatPassHalfAndNinetyFivePercent) {
  // Thresholds are the sums of the counts. "Passes" is more than: a tie goes to the next class.
  const Calibration cases[] = {
      {"all in class 0", {{1, 100}}, 64, 64},
      {"all in class 19", {{32 * kMiB, 100}}, 32 * kMiB, 32 * kMiB},
      {"above class 19", {{33 * kMiB, 100}}, 32 * kMiB, 32 * kMiB},
      {"half is not passed by half", {{100, 50}, {1000, 50}}, 1024, 1024},
      {"half and one", {{100, 51}, {1000, 49}}, 128, 1024},
      {"95 of 100 do not pass", {{100, 95}, {5000, 5}}, 128, 8192},
      {"96 of 100 do", {{100, 96}, {5000, 4}}, 128, 128},
      {"three sizes", {{60, 40}, {500, 40}, {70'000, 20}}, 512, 131072},
      {"the rare large one is cut off", {{60, 40}, {500, 57}, {4 * kMiB, 3}}, 512, 512},
  };
  for (const Calibration& c : cases) {
    SCOPED_TRACE(c.name);
    PoolOptions o = options();
    o.calibration_threshold = 100;
    BufferPool pool(o);
    for (const Samples& s : c.samples) {
      for (int i = 0; i < s.count; ++i) {
        EXPECT_EQ(pool.stats().calibrations.value(), 0u);
        pass(pool, s.size);
      }
    }
    EXPECT_EQ(pool.stats().calibrations.value(), 1u);
    EXPECT_EQ(pool.default_size(), c.default_size);
    EXPECT_EQ(pool.max_size(), c.max_size);
    EXPECT_EQ(pool.stats().max_size_bytes.value(), c.max_size);
  }
}

TEST(BufferPool, SizesRiseAndFallWithTheLoad) {
  BufferPool pool(options());
  for (int i = 0; i < 64; ++i) pass(pool, 2 * kMiB);
  EXPECT_EQ(pool.max_size(), 2 * kMiB);
  for (int i = 0; i < 64; ++i) pass(pool, 1000);
  EXPECT_EQ(pool.default_size(), 1024u);
  EXPECT_EQ(pool.max_size(), 1024u);
  for (int i = 0; i < 64; ++i) pass(pool, 50'000);
  EXPECT_EQ(pool.max_size(), 65536u);
}

TEST(BufferPool, ConfiguredFloorSurvivesCalibration) {
  PoolOptions o = options();
  o.configured_size_bytes = kMiB;
  BufferPool pool(o);
  for (int i = 0; i < 128; ++i) pass(pool, 100);
  EXPECT_EQ(pool.stats().calibrations.value(), 2u);
  EXPECT_EQ(pool.default_size(), kMiB);
  EXPECT_EQ(pool.max_size(), kMiB);
}

TEST(BufferPool, ConfiguredSizeBeyondTheLastClassIsKept) {
  PoolOptions o = options();
  o.configured_size_bytes = 40 * kMiB + 1;
  BufferPool pool(o);
  EXPECT_EQ(pool.default_size(), 40 * kMiB + 4096);
  for (int i = 0; i < 65; ++i) pass(pool, 100);
  EXPECT_EQ(pool.max_size(), 40 * kMiB + 4096);
  EXPECT_EQ(pool.stats().misses.value(), 1u);
}

TEST(BufferPool, EmptyReturnsAreNoSamples) {
  BufferPool pool(options());
  for (int i = 0; i < 200; ++i) take(pool, 500);
  EXPECT_EQ(pool.stats().calibrations.value(), 0u);
  EXPECT_EQ(pool.stats().kept_bytes.value(), 0u);
}

TEST(BufferPool, TooLargeIsFreedOnReturn) {
  BufferPool pool(options());
  for (int i = 0; i < 64; ++i) pass(pool, 1000);
  const int releases = t_book.releases;
  pass(pool, 1'000'000);
  EXPECT_EQ(t_book.releases, releases + 1);
  EXPECT_EQ(pool.stats().dropped_too_big.value(), 1u);
}

TEST(BufferPool, TooLargeIsFreedOnCalibration) {
  BufferPool pool(options());
  {
    Lease large = take(pool, 500'000);
    large.set_size(500'000);
    for (int i = 0; i < 62; ++i) pass(pool, 1000);
  }
  EXPECT_EQ(pool.stats().idle_bytes.value(), 1024u + 524288u);
  pass(pool, 1000);
  EXPECT_EQ(pool.stats().calibrations.value(), 1u);
  EXPECT_EQ(pool.stats().dropped_too_big.value(), 1u);
  EXPECT_EQ(pool.stats().idle_bytes.value(), 1024u);
}

TEST(BufferPool, IdleLimitHolds) {
  BufferPool pool(options());
  {
    std::vector<Lease> leases;
    for (int i = 0; i < 7; ++i) leases.push_back(take(pool, 1000));
    EXPECT_EQ(pool.stats().in_use_count.value(), 7u);
    EXPECT_EQ(pool.stats().in_use_bytes.value(), 7 * 1024u);
  }
  EXPECT_EQ(pool.stats().idle_count.value(), 4u);
  EXPECT_EQ(pool.stats().dropped_full.value(), 3u);
  EXPECT_EQ(pool.stats().in_use_bytes.value(), 0u);
}

TEST(BufferPool, KnownSizeTakesTheSmallestThatFits) {
  BufferPool pool(options());
  {
    Lease a = take(pool, 1000), b = take(pool, 10'000), c = take(pool, 100'000);
  }
  EXPECT_EQ(take(pool, 2000).capacity(), 16384u);
  EXPECT_EQ(take(pool, 900).capacity(), 1024u);
  EXPECT_EQ(take(pool, 16385).capacity(), 131072u);
  EXPECT_EQ(pool.stats().misses.value(), 3u);
  EXPECT_EQ(take(pool, 200'000).capacity(), 262144u);
  EXPECT_EQ(pool.stats().misses.value(), 4u);
}

TEST(BufferPool, HugeAnnouncementTakesAnIdleBufferThatHoldsTheReservation) {
  BufferPool pool(options());
  {
    Lease a = take(pool, kMiB);
  }
  EXPECT_EQ(take(pool, 100 * kMiB).capacity(), kMiB);
  EXPECT_EQ(pool.stats().misses.value(), 1u);
}

TEST(BufferPool, UnknownSizeTakesDefaultOrLargest) {
  BufferPool pool(options());
  {
    Lease a = take(pool, 100), b = take(pool, 1000);
  }
  EXPECT_EQ(take(pool, 0).capacity(), 1024u) << "nothing of 4 KiB: the largest";
  {
    Lease c = take(pool, 10'000), d = take(pool, 100'000);
  }
  EXPECT_EQ(take(pool, 0).capacity(), 16384u) << "the nearest above 4 KiB";
}

TEST(BufferPool, LargestClassIsSearchedForCapacity) {
  BufferPool pool(options(PoolUse::kGzip));
  {
    Lease a = take(pool, 50 * kMiB), b = take(pool, 33 * kMiB);
  }
  Lease c = take(pool, 40 * kMiB);
  EXPECT_EQ(c.capacity(), 50 * kMiB);
  Lease d = take(pool, 40 * kMiB);
  EXPECT_EQ(d.capacity(), 40 * kMiB);
  EXPECT_EQ(pool.stats().idle_count.value(), 1u);
}

TEST(BufferPool, GrowthGoesByClassesAndKeepsTheBytes) {
  BufferPool pool(options());
  Lease lease = take(pool, 60);
  std::memcpy(lease.data(), "the first bytes", 15);
  lease.set_size(15);
  ASSERT_TRUE(pool.grow(lease, {.needed_bytes = 64, .limit_bytes = kNoLimit}).has_value());
  EXPECT_EQ(lease.capacity(), 64u);
  ASSERT_TRUE(pool.grow(lease, {.needed_bytes = 65, .limit_bytes = kNoLimit}).has_value());
  EXPECT_EQ(lease.capacity(), 128u);
  ASSERT_TRUE(pool.grow(lease, {.needed_bytes = 5000, .limit_bytes = kNoLimit}).has_value());
  EXPECT_EQ(lease.capacity(), 8192u);
  EXPECT_EQ(as_text(lease.bytes()), "the first bytes");
  EXPECT_EQ(pool.stats().in_use_bytes.value(), 8192u);
}

TEST(BufferPool, GrowthAboveTheLastClassIsByHalf) {
  BufferPool pool(options());
  Lease lease = take(pool, 0);
  ASSERT_TRUE(pool.grow(lease, {.needed_bytes = 32 * kMiB + 1, .limit_bytes = kNoLimit}));
  EXPECT_EQ(lease.capacity(), 48 * kMiB);
  ASSERT_TRUE(pool.grow(lease, {.needed_bytes = 48 * kMiB + 1, .limit_bytes = kNoLimit}));
  EXPECT_EQ(lease.capacity(), 72 * kMiB);
}

TEST(BufferPool, GrowthEndsAtTheAnnouncedLength) {
  BufferPool pool(options());
  Lease lease = take(pool, 36 * kMiB);
  ASSERT_TRUE(pool.grow(lease, {.needed_bytes = 32 * kMiB + 1, .limit_bytes = kNoLimit}));
  EXPECT_EQ(lease.capacity(), 36 * kMiB);
  // A length that lied small is forgotten.
  ASSERT_TRUE(pool.grow(lease, {.needed_bytes = 36 * kMiB + 1, .limit_bytes = kNoLimit}));
  EXPECT_EQ(lease.capacity(), 54 * kMiB);
}

TEST(BufferPool, GrowthStopsOneByteAfterTheLimit) {
  BufferPool pool(options());
  Lease lease = take(pool, 60);
  ASSERT_TRUE(pool.grow(lease, {.needed_bytes = 1001, .limit_bytes = 1000}).has_value());
  EXPECT_EQ(lease.capacity(), 1001u);
  const Result<void> over = pool.grow(lease, {.needed_bytes = 1002, .limit_bytes = 1000});
  ASSERT_FALSE(over.has_value());
  EXPECT_EQ(over.error().code, ErrorCode::kSourceTooLarge);
  EXPECT_LE(t_book.largest, 1001u);
}

TEST(BufferPool, GrowthPrefersAnIdleBuffer) {
  BufferPool pool(options());
  {
    Lease idle = take(pool, 100'000);
  }
  const int allocations = t_book.allocations;
  Lease lease = take(pool, 0);
  EXPECT_EQ(lease.capacity(), 131072u);
  Lease small = take(pool, 100);
  std::memcpy(small.data(), "abc", 3);
  small.set_size(3);
  lease.reset();
  ASSERT_TRUE(pool.grow(small, {.needed_bytes = 5000, .limit_bytes = kNoLimit}).has_value());
  EXPECT_EQ(small.capacity(), 131072u);
  EXPECT_EQ(as_text(small.bytes()), "abc");
  EXPECT_EQ(t_book.allocations, allocations + 1) << "only the small one";
  EXPECT_EQ(t_book.reallocations, 0);
  EXPECT_EQ(pool.stats().idle_bytes.value(), 128u);
  EXPECT_EQ(pool.stats().in_use_bytes.value(), 131072u);
}

TEST(BufferPool, RefusedMemoryIsAnErrorAndLosesNothing) {
  BufferPool pool(options());
  Lease lease = take(pool, 100);
  std::memcpy(lease.data(), "abc", 3);
  lease.set_size(3);
  t_book.refuse = true;
  const Result<Lease> got = pool.get(100);
  ASSERT_FALSE(got.has_value());
  EXPECT_EQ(got.error().code, ErrorCode::kOverloaded);
  const Result<void> grown = pool.grow(lease, {.needed_bytes = 1000, .limit_bytes = kNoLimit});
  ASSERT_FALSE(grown.has_value());
  EXPECT_EQ(grown.error().code, ErrorCode::kOverloaded);
  EXPECT_EQ(as_text(lease.bytes()), "abc");
  EXPECT_EQ(pool.stats().failures.value(), 2u);
  EXPECT_EQ(pool.stats().in_use_count.value(), 1u);
  EXPECT_EQ(pool.stats().in_use_bytes.value(), 128u);
}

TEST(BufferPool, DecayFreesWhatAWholeIntervalDidNotUse) {
  BufferPool pool(options());
  {
    Lease a = take(pool, 1000), b = take(pool, 1000);
  }
  pool.on_tick();
  EXPECT_EQ(pool.stats().idle_count.value(), 2u);
  pass(pool, 1000);  // the last one in is the first out: the other stays unused
  pool.on_tick();
  EXPECT_EQ(pool.stats().idle_count.value(), 1u);
  EXPECT_EQ(pool.stats().dropped_decay.value(), 1u);
  pool.on_tick();
  EXPECT_EQ(pool.stats().idle_count.value(), 0u);
  EXPECT_EQ(pool.stats().idle_bytes.value(), 0u);
  EXPECT_EQ(t_book.releases, 2);
}

TEST(BufferPool, DecayComesInPieces) {
  BufferPool pool(options());
  {
    Lease a = take(pool, 1000), b = take(pool, 1000), c = take(pool, 1000);
  }
  pool.begin_tick();
  EXPECT_FALSE(pool.decay(1)) << "nothing is due yet";
  pool.begin_tick();
  EXPECT_TRUE(pool.decay(1));
  EXPECT_EQ(t_book.releases, 1);
  EXPECT_TRUE(pool.decay(1025)) << "two of 1 KiB";
  EXPECT_EQ(t_book.releases, 3);
  EXPECT_FALSE(pool.decay(1));
}

TEST(BufferPool, DecayKeepsWhatWasLearned) {
  BufferPool pool(options());
  for (int i = 0; i < 64; ++i) pass(pool, 50'000);
  pool.on_tick();
  pool.on_tick();
  EXPECT_EQ(pool.stats().idle_count.value(), 0u);
  EXPECT_EQ(pool.default_size(), 65536u);
  EXPECT_EQ(take(pool, 0).capacity(), 65536u);
}

TEST(BufferPool, SteadyPathAllocatesNothing) {
  BufferPool pool(options());
  for (int i = 0; i < 200; ++i) pass(pool, 20'000);
  const int allocations = t_book.allocations + t_book.reallocations;
  const std::uint64_t news = new_calls();
  for (int i = 0; i < 10'000; ++i) {
    Lease a = take(pool, 20'000), b = take(pool, 0);
    a.set_size(20'000);
    b.set_size(10);
    b.reset();
    if (i % 100 == 0) pool.on_tick();
  }
  EXPECT_LE(t_book.allocations + t_book.reallocations, allocations + 1);
  EXPECT_EQ(new_calls(), news);
}

}  // namespace
}  // namespace imgring::mem
