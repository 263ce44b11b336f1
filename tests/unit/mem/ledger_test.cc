// Sizes of the parts, and that they fit together.
#include "imgring/mem/ledger.h"

#include <gtest/gtest.h>

#include "../byte_units.h"

namespace imgring::mem {
namespace {

std::uint64_t sum_of_parts(std::uint64_t limit) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kPartCount; ++i) sum += part_bytes(static_cast<Part>(i), limit);
  return sum;
}

TEST(Ledger, PartsRestAndSpareSumToTheLimit) {
  for (const std::uint64_t mib : {80u, 96u, 128u, 256u, 512u, 1024u, 24u * 1024, 512u * 1024}) {
    const std::uint64_t limit = mib * kMiB;
    const std::uint64_t all = sum_of_parts(limit) + kRestBytes + limit / kSparePart;
    EXPECT_LE(all, limit) << mib;
    EXPECT_GE(all, limit - kMiB) << mib;
  }
}

TEST(Ledger, ASmallLimitLeavesAFifth) {
  EXPECT_EQ(left_for_parts(64 * kMiB), 64 * kMiB / 5);
  EXPECT_EQ(left_for_parts(16 * kMiB), 16 * kMiB / 5);
  EXPECT_LT(sum_of_parts(64 * kMiB), 16 * kMiB);
}

TEST(Ledger, At80MiBAPhotoOfTwelveMegapixelsCanBeDownloaded) {
  const std::uint64_t downloads = part_bytes(Part::kDownloads, 80 * kMiB);
  EXPECT_EQ(one_download_bytes_max(downloads) * 10 / kMiB, 44u);  // 4.5 MB, decision 29
  EXPECT_LT(large_download_bytes(downloads), downloads / 3);
}

TEST(Ledger, KeepsUseAndPeakOfEachPart) {
  Ledger ledger(256 * kMiB);
  Budget& heads = ledger.part(Part::kHeads);
  EXPECT_EQ(heads.max(), part_bytes(Part::kHeads, 256 * kMiB));
  {
    const auto grant = heads.try_grant(1000);
    ASSERT_TRUE(grant.has_value());
    EXPECT_EQ(heads.current(), 1000u);
  }
  EXPECT_EQ(heads.current(), 0u);
  EXPECT_EQ(heads.peak(), 1000u);
  EXPECT_EQ(ledger.large_downloads().max(), 1u);
}

TEST(Ledger, DescribesEachPartInALine) {
  const std::string text = describe_ledger({.bytes = 256 * kMiB, .origin = "cgroup v2"});
  EXPECT_NE(text.find("# memory limit: 256.0 MiB (cgroup v2)"), std::string::npos) << text;
  EXPECT_NE(text.find("at rest 48.0 MiB (log lines on their way are 0.5 MiB of it)"),
            std::string::npos)
      << text;
  for (std::size_t i = 0; i < kPartCount; ++i) {
    const PartFacts& facts = facts_of(static_cast<Part>(i));
    EXPECT_NE(text.find("# memory of " + std::string(facts.name) + ": "), std::string::npos);
    EXPECT_NE(text.find(facts.when_full), std::string::npos);
  }
}

}  // namespace
}  // namespace imgring::mem
