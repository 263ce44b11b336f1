// Tests of src/mem/allocator.cc, with whichever allocator this build has.
#include "imgring/mem/allocator.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <semaphore>
#include <thread>
#include <vector>

#include "imgring/mem/own_memory.h"

namespace imgring::mem {
namespace {

TEST(Allocator, IsTheOneThisBuildIsFor) {
  tune_allocator();
  const Result<void> verified = verify_allocator();
  EXPECT_TRUE(verified.has_value()) << verified.error().detail;
#if defined(IMGRING_MIMALLOC)
  EXPECT_TRUE(allocator_name().starts_with("mimalloc 2.") ||
              allocator_name().starts_with("mimalloc 3."))
      << allocator_name();
#else
  EXPECT_EQ(allocator_name(), "system");
#endif
}

TEST(Allocator, CollectsAndCounts) {
  std::vector<void*> blocks;
  for (int i = 0; i < 64; ++i) {
    blocks.push_back(std::malloc(256 * 1024));
    ASSERT_NE(blocks.back(), nullptr);
    std::memset(blocks.back(), 1, 256 * 1024);
  }
  // 16 MiB are in use; sanitizers' allocators report nothing.
  const AllocatorStats stats = allocator_stats();
  EXPECT_TRUE(stats.committed_bytes == 0 || stats.committed_bytes >= 16u << 20);
  for (void* block : blocks) std::free(block);
  collect(Collect::kGentle);
  collect(Collect::kForced);
  collect(Collect::kHelper);
}

// As a helper makes results that a loop frees.
TEST(Allocator, LargeBlocksThatAnotherThreadFreesDoNotAddUp) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's allocator keeps what was freed";
#endif
  tune_allocator();
  constexpr int kRounds = 16;
  constexpr std::size_t kBytes = 24u << 20;
  std::binary_semaphore wanted(0), made(0);
  void* block = nullptr;
  const std::uint64_t before = own_memory()->rss_bytes;
  std::thread maker([&] {
    for (int i = 0; i < kRounds; ++i) {
      wanted.acquire();
      take_back_freed();
      block = std::malloc(kBytes);
      std::memset(block, 1, kBytes);
      made.release();
    }
    wanted.acquire();  // its end would give everything back
  });
  for (int i = 0; i < kRounds; ++i) {
    wanted.release();
    made.acquire();
    std::free(block);
  }
  EXPECT_LT(own_memory()->rss_bytes, before + 3 * kBytes);
  wanted.release();
  maker.join();
}

}  // namespace
}  // namespace imgring::mem
