// Codes made for one picture: the file is the one that libjpeg's optimize_coding writes.
#include "imgring/codec/jpeg_codes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "imgring/base/text.h"
#include "jpeg_files.h"

namespace imgring::codec::test {
namespace {

// Flat but for noise that is the rarer the greater it is, so that some symbols are very rare.
Pixels noisy(int width, int height, int bands, double sigma) {
  Pixels p{width, height, bands, {}};
  p.bytes.resize(p.row_bytes() * static_cast<std::size_t>(height));
  std::mt19937 random(7);
  std::exponential_distribution<double> size(1 / sigma);
  for (std::uint8_t& sample : p.bytes) {
    const double noise = size(random) * (random() % 2 == 0 ? 1 : -1);
    sample = static_cast<std::uint8_t>(std::clamp(128 + noise, 0.0, 255.0));
  }
  return p;
}

JpegMcus mcus_of(const Pixels& p, const Writing& how) {
  JpegMcus mcus;
  const int side = p.bands == 1 ? 1 : how.h, down = p.bands == 1 ? 1 : how.v;
  mcus.first_blocks = side * down;
  mcus.other_blocks = p.bands == 1 ? 0 : 2;
  const auto steps = [](int pixels, int step) { return (pixels + step - 1) / step; };
  mcus.count = std::int64_t{steps(p.width, 8 * side)} * steps(p.height, 8 * down);
  return mcus;
}

void expect_libjpegs_file(const Pixels& p, Writing how) {
  how.optimised = true;
  const std::vector<std::uint8_t> theirs = written(p, how);
  how.optimised = false;
  how.plain_codes = true;
  const std::vector<std::uint8_t> plain = written(p, how);
  const Result<Bytes> ours = refit_jpeg(plain, mcus_of(p, how));
  ASSERT_TRUE(ours) << ours.error().detail;
  EXPECT_TRUE(std::ranges::equal(ours->span(), theirs)) << "bytes differ";
}

TEST(JpegCodes, AreThoseOfLibjpeg) {
  if (!can_refit_jpeg()) GTEST_SKIP() << "no wide registers";
  const struct {
    int width, height;
  } kSizes[] = {{1, 1}, {8, 8}, {17, 3}, {301, 203}};
  for (const auto& size : kSizes) {
    for (const double sigma : {0.0, 2.0, 30.0, 400.0}) {
      for (const int quality : {1, 50, 80, 100}) {
        SCOPED_TRACE(testing::Message() << size.width << " x " << size.height << ", noise " << sigma
                                        << ", quality " << quality);
        expect_libjpegs_file(noisy(size.width, size.height, 1, sigma), {.quality = quality});
        const Pixels colours = noisy(size.width, size.height, 3, sigma);
        expect_libjpegs_file(colours, {.quality = quality});
        expect_libjpegs_file(colours, {.h = 1, .v = 1, .quality = quality});
        expect_libjpegs_file(colours, {.h = 2, .v = 1, .quality = quality});
      }
    }
  }
}

TEST(JpegCodes, AreThoseOfLibjpegWhereTheyWouldBeTooLong) {
  if (!can_refit_jpeg()) GTEST_SKIP() << "no wide registers";
  // Two million symbols, of which some occur once: more than 16 bits but for the limit.
  expect_libjpegs_file(noisy(1500, 1100, 3, 3), {.quality = 97});
}

// Each code has the length of the table it stands in: whether all fit beside each other, with one
// of ones alone to spare.
double room_taken(const JpegCodes& codes) {
  double taken = 0;
  for (std::size_t length = 1; length <= kJpegCodeBitsMax; ++length)
    taken += codes.counts[length] / std::exp2(length);
  return taken;
}

TEST(JpegCodes, HaveNoMoreThan16BitsWhateverTheCounts) {
  JpegCounts counts{};
  std::uint32_t rarer = 1, count = 1;
  std::size_t used = 0;
  for (; used < 40; ++used) {  // Fibonacci's numbers make the longest codes
    counts[used] = count;
    count += std::exchange(rarer, count);
  }
  const JpegCodes codes = fitting_jpeg_codes(counts);
  std::size_t symbol_count = 0;
  for (const std::uint8_t of_length : codes.counts) symbol_count += of_length;
  EXPECT_EQ(symbol_count, used);
  EXPECT_LT(room_taken(codes), 1);
  EXPECT_GE(room_taken(codes), 1 - std::exp2(-kJpegCodeBitsMax));
  // The most frequent come first.
  EXPECT_EQ(codes.symbols[0], used - 1);
  EXPECT_EQ(codes.counts[1], 1);
}

TEST(JpegCodes, OfOneSymbolAndOfAllHaveRoom) {
  JpegCounts counts{};
  counts[5] = 9;
  JpegCodes codes = fitting_jpeg_codes(counts);
  EXPECT_EQ(codes.counts[1], 1);
  EXPECT_EQ(codes.symbols[0], 5);
  counts.fill(1);
  codes = fitting_jpeg_codes(counts);
  EXPECT_EQ(codes.counts[8] + codes.counts[9], 256);
  EXPECT_LT(room_taken(codes), 1);
}

TEST(JpegCodes, OfAFileThatIsSomethingElseAreRefused) {
  if (!can_refit_jpeg()) GTEST_SKIP() << "no wide registers";
  const Pixels p = noisy(64, 64, 3, 20);
  const Writing how{.plain_codes = true};
  const std::vector<std::uint8_t> plain = written(p, how);
  JpegMcus more = mcus_of(p, how);
  more.count = 1000;
  const auto refused = [](ByteSpan file, const JpegMcus& mcus) {
    const Result<Bytes> made = refit_jpeg(file, mcus);
    return !made && made.error().code == ErrorCode::kInternal;
  };
  EXPECT_TRUE(refused(plain, more));
  EXPECT_TRUE(refused({}, more));
  for (std::size_t size = 2; size + 3 <= plain.size(); size += 37)
    EXPECT_TRUE(refused(ByteSpan(plain).first(size), mcus_of(p, how))) << size;
  // Symbols whose values have fifteen bits, for which an MCU has no room.
  std::vector<std::uint8_t> long_values = plain;
  std::fill(long_values.end() - static_cast<std::ptrdiff_t>(plain.size() / 4),
            long_values.end() - 2, std::uint8_t{0xEF});
  EXPECT_TRUE(refused(long_values, mcus_of(p, how)));
}

}  // namespace
}  // namespace imgring::codec::test
