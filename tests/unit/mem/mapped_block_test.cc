// Large blocks straight from the kernel.
#include "imgring/mem/mapped_block.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "imgring/mem/own_memory.h"

namespace imgring::mem {
namespace {

constexpr std::size_t kHuge = MappedBlock::kHugePageBytes;

TEST(MappedBlock, HasWhatWasAskedForAndNothingInIt) {
  for (const std::size_t bytes :
       {std::size_t{1}, std::size_t{5000}, kHuge - 1, kHuge, 3 * kHuge + 1}) {
    const MappedBlock block(bytes);
    ASSERT_TRUE(block);
    EXPECT_EQ(block.size(), bytes);
    EXPECT_EQ(block.data()[0], 0);
    EXPECT_EQ(block.data()[bytes - 1], 0);
    block.data()[bytes - 1] = 1;
  }
}

TEST(MappedBlock, BeginsAtAHugePageWhereItHasOne) {
  const MappedBlock block(kHuge);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block.data()) % kHuge, 0U);
}

TEST(MappedBlock, SaysThatThereIsNoMemory) {
  EXPECT_FALSE(MappedBlock(std::size_t{1} << 60));
  EXPECT_FALSE(MappedBlock());
}

TEST(MappedBlock, LeavesNoAddressBehind) {
  const auto before = own_memory();
  ASSERT_TRUE(before);
  for (int i = 0; i < 64; ++i) {
    MappedBlock block(5 * kHuge + 4097);
    ASSERT_TRUE(block);
    block.data()[0] = 1;
    MappedBlock other;
    other = std::move(block);
    EXPECT_FALSE(block);
    EXPECT_EQ(other.data()[0], 1);
  }
  const auto after = own_memory();
  ASSERT_TRUE(after);
  EXPECT_LT(after->virtual_bytes, before->virtual_bytes + 5 * kHuge);
}

// The end of a block that is not a whole huge page takes what was written of it.
TEST(MappedBlock, TakesNoMoreThanItHas) {
  constexpr std::size_t kPage = 4096, kEndPages = 16;
  const MappedBlock block(kHuge + kEndPages * kPage);
  ASSERT_TRUE(block);
  for (std::size_t at = 0; at <= kHuge; at += kPage) block.data()[at] = 1;
  std::array<unsigned char, kEndPages> resident = {};
  ASSERT_EQ(mincore(block.data() + kHuge, kEndPages * kPage, resident.data()), 0);
  EXPECT_EQ(std::count_if(resident.begin(), resident.end(), [](int page) { return page & 1; }), 1);
}

}  // namespace
}  // namespace imgring::mem
