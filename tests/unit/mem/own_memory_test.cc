// The numbers of /proc/self/statm, and pages that only a start needs.
#include "imgring/mem/own_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

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

TEST(OwnMemory, MappingsOfFilesThatNobodyChanged) {
  const std::string_view smaps =
      "1000-3000 r-xp 00000000 fe:00 17    /lib/code.so\n"
      "Size:                  8 kB\nRss:                   8 kB\nAnonymous:             0 kB\n"
      "Swap:                  0 kB\nVmFlags: rd ex mr mw me \n"
      "4000-5000 r--p 00002000 fe:00 17    /lib/constants of.so (deleted)\n"
      "Rss:                   4 kB\nAnonymous:             0 kB\nSwap:                  0 kB\n"
      "5000-6000 r--p 00003000 fe:00 17    /lib/relocated.so\n"
      "Rss:                   4 kB\nAnonymous:             4 kB\nSwap:                  0 kB\n"
      "6000-7000 r-xp 00003000 fe:00 17    /lib/swapped.so\n"
      "Rss:                   4 kB\nAnonymous:             0 kB\nSwap:                  4 kB\n"
      "7000-8000 rw-p 00004000 fe:00 17    /lib/variables.so\n"
      "Rss:                   4 kB\nAnonymous:             0 kB\n"
      "8000-9000 r--s 00000000 fe:00 18    /shared\nRss: 4 kB\nAnonymous: 0 kB\n"
      "9000-a000 r-xp 00000000 00:00 0     [vdso]\nRss: 4 kB\nAnonymous: 0 kB\n"
      "a000-b000 r-xp 00000000 00:00 0 \nRss: 4 kB\nAnonymous: 0 kB\n"
      "b000-c000 r-xp 00000000 fe:00 17    /lib/unused.so\n"
      "Rss:                   0 kB\nAnonymous:             0 kB\n"
      "c000-d000 r--p 00000000 fe:00 17    /lib/says nothing.so\nRss:                   4 kB\n"
      "d000-e000 r--p 00000000 fe:00 17    /lib/what.so\nRss: 4 kB\nAnonymous: kB\n"
      "7fff00000000-7fff00001000 r-xp 00000000 fe:00 17    /lib/last.so\n"
      "Rss:                   4 kB\nAnonymous:             0 kB";
  const std::vector<AddressRange> found = unchanged_file_mappings(smaps);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].begin, 0x1000u);
  EXPECT_EQ(found[0].end, 0x3000u);
  EXPECT_EQ(found[0].resident_bytes, 8u << 10);
  EXPECT_EQ(found[1].begin, 0x4000u);
  EXPECT_EQ(found[2].begin, 0x7fff00000000u);
  for (const std::string_view bad : {"", "\n\n", "1000", "1000-", "x-y r-xp", "Rss:", "Rss: kB"}) {
    EXPECT_TRUE(unchanged_file_mappings(bad).empty()) << bad;
  }
}

// Everything goes on: code and constants come back where they are used. What is mapped otherwise is
// nobody's start, also where it looks the same.
TEST(OwnMemory, PagesOfAStartGo) {
  const int file = memfd_create("as a library", MFD_CLOEXEC);
  ASSERT_GE(file, 0);
  ASSERT_EQ(write(file, "bytes", 5), 5);
  void* const mapped = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
  ASSERT_NE(mapped, MAP_FAILED);
  const auto before = own_memory();
  const std::uint64_t unmapped = unmap_start_pages();
  const auto after = own_memory();
  ASSERT_TRUE(before.has_value());
  ASSERT_TRUE(after.has_value());
  EXPECT_GT(unmapped, 0u);
  EXPECT_LT(after->rss_bytes - after->rss_anon_bytes, before->rss_bytes - before->rss_anon_bytes);
  EXPECT_EQ(std::string_view(static_cast<const char*>(mapped), 5), "bytes");
  munmap(mapped, 4096);
  close(file);
}

}  // namespace
}  // namespace imgring::mem
