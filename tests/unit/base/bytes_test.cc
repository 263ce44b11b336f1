// One owner of bytes, whatever it is.
#include "imgring/base/bytes.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <vector>

namespace imgring {
namespace {

// Writes its name when it is destroyed.
struct Mark {
  Mark(std::string* l, char n) : log(l), name(n) {}
  Mark(Mark&& o) noexcept : log(std::exchange(o.log, nullptr)), name(o.name) {}
  ~Mark() {
    if (log != nullptr) log->push_back(name);
  }
  std::string* log;
  char name;
};

TEST(Bytes, HoldAnyOwnerAndGiveItBackOnce) {
  std::string log;
  static constexpr std::uint8_t kData[] = {1, 2, 3};
  {
    Bytes bytes(ByteSpan(kData), Mark(&log, 'o'));
    Bytes moved = std::move(bytes);
    EXPECT_TRUE(bytes.empty());  // NOLINT: what is moved from is empty
    EXPECT_EQ(moved.size(), 3u);
    EXPECT_EQ(moved.data(), kData);
    EXPECT_EQ(log, "");
  }
  EXPECT_EQ(log, "o");
}

TEST(Bytes, WhatIsKeptBesideThemGoesAfterThem) {
  std::string log;
  {
    Bytes bytes(ByteSpan(), Mark(&log, 'o'));
    bytes.keep(Mark(&log, 'k'));
    bytes.keep(Mark(&log, 'l'));
    EXPECT_EQ(log, "");
  }
  EXPECT_EQ(log, "okl");
}

TEST(Bytes, AnotherValueEndsTheOldOwner) {
  std::string log;
  Bytes bytes(ByteSpan(), Mark(&log, 'a'));
  bytes = Bytes(ByteSpan(), Mark(&log, 'b'));
  EXPECT_EQ(log, "a");
  bytes = {};
  EXPECT_EQ(log, "ab");
}

TEST(Bytes, OfTextAlsoOfShortOnes) {
  Bytes bytes = Bytes::of("short");
  Bytes moved = std::move(bytes);
  EXPECT_EQ(as_text(moved.span()), "short");
  EXPECT_TRUE(Bytes::of("").empty());
}

TEST(Bytes, OfMalloc) {
  auto* data = static_cast<std::uint8_t*>(std::malloc(4));
  ASSERT_NE(data, nullptr);
  std::memcpy(data, "data", 4);
  const Bytes bytes = Bytes::of_malloc(data, 4);
  EXPECT_EQ(as_text(bytes.span()), "data");
  EXPECT_TRUE(Bytes::of_malloc(nullptr, 0).empty());
}

}  // namespace
}  // namespace imgring
