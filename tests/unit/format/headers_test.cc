// Readers of headers over what is no header: nothing is read outside the span, nothing is believed
// beyond its limits. What they say of good files is tested against libvips in
// tests/unit/pipeline/estimate_test.cc and header_probe_test.cc.
#include "imgring/format/headers.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "imgring/format/format.h"

namespace imgring::format {
namespace {

constexpr int kSideMax = 1 << 20, kFramesMax = 100;

void expect_bounded(ByteSpan bytes, ImageType type) {
  const auto facts = facts_of_header(bytes, type, kFramesMax);
  if (!facts) return;
  EXPECT_EQ(facts->type, type);
  EXPECT_GT(facts->width, 0);
  EXPECT_GT(facts->height, 0);
  EXPECT_LE(facts->width, kSideMax);
  EXPECT_LE(facts->height, kSideMax);
  EXPECT_GE(facts->orientation, 1);
  EXPECT_LE(facts->orientation, 8);
  EXPECT_GE(facts->pages, 1);
  EXPECT_LE(facts->pages, kFramesMax);
}

// In memory of its own, so that a sanitizer sees the first byte behind it.
void read_all(const std::string& text) {
  const std::vector<std::uint8_t> bytes(text.begin(), text.end());
  for (int i = 0; i < kImageTypeCount; ++i) expect_bounded(bytes, static_cast<ImageType>(i));
}

TEST(Headers, NoiseBehindFirstBytesIsSurvived) {
  std::mt19937 random(12);
  for (int i = 0; i < kImageTypeCount; ++i) {
    for (const std::string_view magic : facts_of(static_cast<ImageType>(i)).magics) {
      for (int round = 0; round < 50; ++round) {
        std::string text(magic);
        const std::size_t size = random() % 300;
        // Mostly small numbers, so that lengths and counts lead somewhere.
        while (text.size() < size) {
          text.push_back(static_cast<char>(random() % 3 == 0 ? random() : random() % 4));
        }
        read_all(text);
      }
    }
  }
}

TEST(Headers, EveryCutOfAHeaderIsSurvived) {
  using namespace std::string_literals;
  const std::string heads[] = {
      "GIF89a\x10\0\x20\0\x80\0\0......"s
      "\x21\xF9\4\0\0\0\0\0\x2C\0\0\0\0\x10\0\x20\0\0\2\1x\0;"s,
      "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x20\x8\6\0\0\1....",
      "BM....\0\0\0\0\x36\0\0\0\x28\0\0\0\x10\0\0\0\xE0\xFF\xFF\xFF\1\0\x18\0"s,
      "RIFF\0\0\0\0WEBPVP8X\xA\0\0\0\2\0\0\0\xF\0\0\x1F\0\0ANMF\4\0\0\0....ANMF\0\0\0\0"s,
      "\0\0\0\x18"s
      "ftypavif\0\0\0\0avifmif1\0\0\0\x40meta....ispe\0\0\0\0\0\0\0\x10\0\0\0\x20"s,
      "\xFF\x0A\xFF\x07\x12\x34\x56\x78"s,
      "II*\0\x8\0\0\0\2\0\0\1\4\0\1\0\0\0\x10\0\0\0\1\1\4\0\1\0\0\0\x20\0\0\0"s,
  };
  for (const std::string& head : heads) {
    for (std::size_t size = 0; size <= head.size(); ++size) read_all(head.substr(0, size));
  }
}

TEST(Headers, SizesAreThoseOfTheHeader) {
  using namespace std::string_literals;
  const struct {
    ImageType type;
    std::string head;
  } kCases[] = {
      {ImageType::kGif, "GIF89a\x10\0\x20\0\0\0\0;"s},
      {ImageType::kPng, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x20\x8\6\0\0\0"s},
      {ImageType::kBmp, "BM....\0\0\0\0\x36\0\0\0\x28\0\0\0\x10\0\0\0\xE0\xFF\xFF\xFF\1\0\x18\0"s},
      {ImageType::kTiff, "II*\0\x8\0\0\0\2\0\0\1\4\0\1\0\0\0\x10\0\0\0\1\1\4\0\1\0\0\0\x20\0\0\0"s},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(facts_of(c.type).name);
    const auto facts = facts_of_header(as_bytes(c.head), c.type, 1);
    ASSERT_TRUE(facts.has_value());
    EXPECT_EQ(facts->width, 16);
    EXPECT_EQ(facts->height, 32);
  }
  EXPECT_FALSE(facts_of_header(as_bytes("BM"), ImageType::kUnknown, 1).has_value());
  EXPECT_FALSE(probe_header(as_bytes("GIF89a\x10\1\x20\1\1\1\1;"), ImageType::kGif).has_value());
}

}  // namespace
}  // namespace imgring::format
