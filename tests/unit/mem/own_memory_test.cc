// The numbers of /proc/self/statm.
#include "imgring/mem/own_memory.h"

#include <gtest/gtest.h>

#include <string_view>

namespace imgring::mem {
namespace {

TEST(OwnMemory, ThisProcessHasSome) {
  const Result<OwnMemory> own = own_memory();
  ASSERT_TRUE(own.has_value());
  EXPECT_GT(own->rss_bytes, 0u);
  EXPECT_GT(own->rss_anon_bytes, 0u);
  EXPECT_LE(own->rss_anon_bytes, own->rss_bytes);
  EXPECT_LE(own->rss_bytes, own->virtual_bytes);
}

TEST(OwnMemory, StatmTexts) {
  const Result<OwnMemory> own = parse_statm("1000 300 100 5 0 200 0\n", 4096);
  ASSERT_TRUE(own.has_value());
  EXPECT_EQ(own->virtual_bytes, 1000u * 4096);
  EXPECT_EQ(own->rss_bytes, 300u * 4096);
  EXPECT_EQ(own->rss_anon_bytes, 200u * 4096);
  EXPECT_EQ(parse_statm("10 3 4 0", 4096)->rss_anon_bytes, 0u);
  for (const std::string_view bad : {"", "1 2", "1 2 3", "a b c d", "1  2 3 4", "1 -2 3 4"}) {
    EXPECT_FALSE(parse_statm(bad, 4096).has_value()) << bad;
  }
}

}  // namespace
}  // namespace imgring::mem
