// Tests of src/mem/allocator.cc, with whichever allocator this build has.
#include "imgring/mem/allocator.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <vector>

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

}  // namespace
}  // namespace imgring::mem
