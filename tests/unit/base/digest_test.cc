// Sums of FIPS 180-4 and RFC 1321.
#include "imgring/base/digest.h"

#include <gtest/gtest.h>

namespace imgring {
namespace {

std::string sum_of(DigestKind kind, std::string_view first, std::string_view rest = {}) {
  Digest digest(kind);
  digest.add(as_bytes(first));
  digest.add(as_bytes(rest));
  return hex_encode(as_bytes(digest.end()));
}

TEST(Digest, OfKnownTexts) {
  EXPECT_EQ(sum_of(DigestKind::kMd5, "a", "bc"), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(sum_of(DigestKind::kSha1, "abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(sum_of(DigestKind::kSha256, "ab", "c"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(
      sum_of(DigestKind::kSha512, ""),
      "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d287"
      "7eec2f63b931bd47417a81a538327af927da3e");
  EXPECT_EQ(sum_of(DigestKind::kNone, "abc"), "");
}

TEST(Digest, Names) {
  for (const auto kind : {DigestKind::kNone, DigestKind::kMd5, DigestKind::kSha1,
                          DigestKind::kSha256, DigestKind::kSha512}) {
    EXPECT_EQ(digest_by_name(name_of(kind)), kind);
    if (kind != DigestKind::kNone) {
      EXPECT_EQ(sum_of(kind, "x").size(), 2 * size_bytes_of(kind));
    }
  }
  EXPECT_EQ(digest_by_name("SHA256"), std::nullopt);
  EXPECT_EQ(digest_by_name(""), std::nullopt);
}

}  // namespace
}  // namespace imgring
