// Tests of src/mem/allocator.cc, with whichever allocator this build has.
#include "imgring/mem/allocator.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <semaphore>
#include <thread>
#include <utility>
#include <vector>

#include "imgring/base/sanitized.h"
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

// As libraries find it.
using Posix = int (*)(void**, std::size_t, std::size_t);
Posix posix_memalign_of_libraries() {
  return reinterpret_cast<Posix>(dlsym(RTLD_DEFAULT, "posix_memalign"));
}

// mimalloc 3.0.1 gave the same memory to two, and crashed (mem/aligned_allocation.cc).
TEST(Allocator, AlignedBlocksOfThreadsThatEndedAreNobodyElses) {
  const Posix take = posix_memalign_of_libraries();
  ASSERT_NE(take, nullptr);
  constexpr std::size_t kAlignment = 64, kBlocks = 200, kSmall = 16, kCell = 80, kOthers = 2000;
  std::size_t wrong = 0;
  for (int round = 0; round < 50; ++round) {
    std::vector<void*> held(kBlocks);
    std::thread([&] {
      for (void*& block : held) ASSERT_EQ(take(&block, kAlignment, kSmall), 0);
    }).join();
    for (std::size_t i = 0; i < kBlocks; ++i) {
      if (i % 8 != 0) std::free(std::exchange(held[i], nullptr));
    }
    std::vector<unsigned char*> others(kOthers);
    for (std::size_t i = 0; i < kOthers; ++i) {
      others[i] = static_cast<unsigned char*>(std::malloc(kCell));
      std::memset(others[i], static_cast<int>(i & 0xFF), kCell);
    }
    for (std::size_t i = 0; i < kOthers; ++i) {
      for (std::size_t k = 0; k < kCell; ++k) wrong += others[i][k] != (i & 0xFF) ? 1 : 0;
      std::free(others[i]);
    }
    for (void* block : held) std::free(block);
  }
  EXPECT_EQ(wrong, 0u);
}

TEST(Allocator, BlocksAreAlignedAsAskedFor) {
  const Posix take = posix_memalign_of_libraries();
  ASSERT_NE(take, nullptr);
  for (std::size_t alignment = sizeof(void*); alignment <= 65536; alignment *= 2) {
    for (std::size_t size = 0; size <= std::size_t{8} << 20; size += 1 + size / 7) {
      void* block = nullptr;
      ASSERT_EQ(take(&block, alignment, size), 0) << alignment << " " << size;
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0u)
          << alignment << " " << size;
      EXPECT_GE(malloc_usable_size(block), size);
      std::free(block);
    }
  }
  if (kSanitized) return;  // theirs end the process for these
  void* none = nullptr;
  for (const std::size_t alignment : {std::size_t{0}, std::size_t{3}, std::size_t{24}}) {
    EXPECT_EQ(take(&none, alignment, 8), EINVAL) << alignment;
  }
  EXPECT_EQ(none, nullptr);
}

#if defined(IMGRING_MIMALLOC)
// Where its own would do harm, those of this program come first.
TEST(Allocator, AlignedBlocksOfLibrariesAreOurs) {
  Dl_info found{}, own{};
  ASSERT_NE(dladdr(dlsym(RTLD_DEFAULT, "posix_memalign"), &found), 0);
  ASSERT_NE(dladdr(reinterpret_cast<void*>(&posix_memalign_of_libraries), &own), 0);
  const bool needed = allocator_name() == "mimalloc 3.0.0" || allocator_name() == "mimalloc 3.0.1";
  EXPECT_EQ(found.dli_fbase == own.dli_fbase, needed) << found.dli_fname;
}
#endif

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
