// Our JPEG decoder beside libjpeg-turbo: what both read is the same, what is damaged is left to it.
#include "imgring/codec/jpeg_decoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "jpeg_files.h"

namespace imgring::codec {
namespace {

using namespace test;
using Octets = std::vector<std::uint8_t>;

constexpr int kShrinks[] = {1, 2, 4, 8};

// Slopes, edges, texture and colours, off the ends of the range so that nothing is clipped.
Pixels picture_of(int width, int height, int bands) {
  std::mt19937 random(static_cast<unsigned>(width * 1000 + height));
  Pixels out{width, height, bands, {}};
  out.bytes.resize(out.row_bytes() * static_cast<std::size_t>(height));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int b = 0; b < bands; ++b) {
        const double slope = 30 * std::sin((x + 20 * b) / 17.0) + 25 * std::cos(y / (9.0 + 3 * b));
        const int edge = (x / 23 + y / 31) % 2 == 0 ? 20 : -20;
        const int noise = static_cast<int>(random() % 21) - 10;
        out.row(y)[x * bands + b] = static_cast<std::uint8_t>(128 + slope + edge + noise);
      }
    }
  }
  return out;
}

Octets::const_iterator find_marker(const Octets& file, std::uint8_t marker) {
  const std::uint8_t bytes[] = {0xFF, marker};
  return std::search(file.begin(), file.end(), std::begin(bytes), std::end(bytes));
}

int largest_difference(const Pixels& a, const Pixels& b) {
  EXPECT_EQ(a.width, b.width);
  EXPECT_EQ(a.height, b.height);
  EXPECT_EQ(a.bands, b.bands);
  if (a.bytes.size() != b.bytes.size()) return 256;
  int most = 0;
  for (std::size_t i = 0; i < a.bytes.size(); ++i)
    most = std::max(most, std::abs(a.bytes[i] - b.bytes[i]));
  return most;
}

Pixels luma_of(const Pixels& p) {
  Pixels out{p.width, p.height, 1, {}};
  for (std::size_t i = 0; i < p.bytes.size(); i += 3) {
    const double y = 0.299 * p.bytes[i] + 0.587 * p.bytes[i + 1] + 0.114 * p.bytes[i + 2];
    out.bytes.push_back(static_cast<std::uint8_t>(std::lround(y)));
  }
  return out;
}

struct Sampling {
  const char* name;
  int h, v, chroma_h, chroma_v;
};
constexpr Sampling kSamplings[] = {{"4:4:4", 1, 1, 1, 1},         {"4:2:0", 2, 2, 1, 1},
                                   {"4:2:2", 2, 1, 1, 1},         {"4:4:0", 1, 2, 1, 1},
                                   {"4:1:1", 4, 1, 1, 1},         {"4:2:2 in four", 2, 2, 1, 2},
                                   {"4:4:0 in four", 2, 2, 2, 1}, {"4:4:4 in two", 2, 1, 2, 1}};

// Chroma of these is reduced straight to luma's size here, by libjpeg-turbo further and blown up.
bool same_chroma(const Sampling& s, int shrink) {
  const int across = s.h / s.chroma_h, down = s.v / s.chroma_v;
  return shrink == 1 || across == down;
}

void expect_as_turbo(const Pixels& picture, const Writing& how, bool chroma, int shrink) {
  const Octets file = written(picture, how);
  const auto theirs = turbo(file, shrink);
  const auto mine = ours(file, shrink, JpegKernel::kBox);
  ASSERT_TRUE(theirs);
  ASSERT_TRUE(mine);
  // Three: rounding of 16-bit arithmetic, of colour, and of chroma.
  if (chroma) {
    EXPECT_LE(largest_difference(*mine, *theirs), 3);
  } else {
    EXPECT_LE(largest_difference(luma_of(*mine), luma_of(*theirs)), 3);
  }
}

TEST(JpegDecoder, BoxIsWhatTurboGivesForEverySamplingAndSize) {
  const int kSizes[][2] = {{1, 1}, {3, 2}, {7, 9}, {17, 33}, {64, 64}, {131, 97}, {300, 41}};
  for (const Sampling& s : kSamplings) {
    for (const auto& size : kSizes) {
      const Pixels picture = picture_of(size[0], size[1], 3);
      for (const bool progressive : {false, true}) {
        for (const int shrink : kShrinks) {
          SCOPED_TRACE(std::string(s.name) + " " + std::to_string(size[0]) + " x " +
                       std::to_string(size[1]) + " 1/" + std::to_string(shrink) +
                       (progressive ? " progressive" : ""));
          expect_as_turbo(picture,
                          {.h = s.h,
                           .v = s.v,
                           .chroma_h = s.chroma_h,
                           .chroma_v = s.chroma_v,
                           .progressive = progressive},
                          same_chroma(s, shrink), shrink);
        }
      }
    }
  }
}

TEST(JpegDecoder, GreyAndRgbAreWhatTurboGives) {
  for (const int shrink : kShrinks) {
    for (const bool progressive : {false, true}) {
      SCOPED_TRACE(std::to_string(shrink) + (progressive ? " progressive" : ""));
      expect_as_turbo(picture_of(133, 70, 1), {.progressive = progressive}, true, shrink);
      expect_as_turbo(picture_of(133, 70, 3), {.progressive = progressive, .space = JCS_RGB}, true,
                      shrink);
    }
  }
}

TEST(JpegDecoder, RestartMarkersTablesAndQualitiesMakeNoDifference) {
  const Pixels picture = picture_of(250, 130, 3);
  for (const int restart : {0, 1, 3, 7, 16, 40}) {
    for (const int quality : {5, 40, 75, 95, 100}) {
      for (const bool optimised : {false, true}) {
        for (const bool progressive : {false, true}) {
          for (const int shrink : kShrinks) {
            SCOPED_TRACE(std::to_string(restart) + " " + std::to_string(quality) + " " +
                         std::to_string(shrink) + (progressive ? " progressive" : ""));
            expect_as_turbo(picture,
                            {.quality = quality,
                             .restart_mcus = restart,
                             .progressive = progressive,
                             .optimised = optimised},
                            true, shrink);
          }
        }
      }
    }
  }
}

// Black and white in the pattern of one cosine after the other: no pixels have larger coefficients;
// then noise. Coarse tables make them larger still.
TEST(JpegDecoder, ExtremesAreWhatTurboGives) {
  constexpr double kPi = 3.14159265358979323846;
  Pixels cosines{64, 64, 1, Octets(64 * 64)}, noise = cosines;
  std::mt19937 random(9);
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 64; ++x) {
      const double across = std::cos((2 * (x % 8) + 1) * (x / 8) * kPi / 16);
      const double down = std::cos((2 * (y % 8) + 1) * (y / 8) * kPi / 16);
      cosines.row(y)[x] = across * down > 0 ? 255 : 0;
      noise.row(y)[x] = random() % 2 == 0 ? 255 : 0;
    }
  }
  for (const Pixels& picture : {cosines, noise}) {
    for (const int quality : {1, 3, 10, 25, 50, 75, 90, 100}) {
      for (const int shrink : kShrinks) {
        SCOPED_TRACE(std::to_string(quality) + " 1/" + std::to_string(shrink));
        expect_as_turbo(picture, {.quality = quality}, true, shrink);
      }
    }
  }
}

// The low coefficients are a sharper low-pass, so pixels differ from a box; their mean does not.
TEST(JpegDecoder, LowKeepsTheMeanAndIsAsLargeAsBox) {
  const Octets file = written(picture_of(320, 240, 3), {});
  for (const int shrink : kShrinks) {
    const auto low = ours(file, shrink, JpegKernel::kLow), box = turbo(file, shrink);
    ASSERT_TRUE(low);
    ASSERT_EQ(low->bytes.size(), box->bytes.size());
    double difference = 0;
    for (std::size_t i = 0; i < low->bytes.size(); ++i) difference += low->bytes[i] - box->bytes[i];
    EXPECT_LT(std::abs(difference / static_cast<double>(low->bytes.size())), 0.5) << shrink;
  }
  EXPECT_LE(largest_difference(*ours(file, 1, JpegKernel::kLow), *turbo(file, 1)), 3);
}

TEST(JpegDecoder, SequentialAndProgressiveGiveTheSamePixels) {
  const Pixels picture = picture_of(201, 155, 3);
  for (const int shrink : kShrinks) {
    const auto one = ours(written(picture, {}), shrink, JpegKernel::kLow);
    const auto other = ours(written(picture, {.progressive = true}), shrink, JpegKernel::kLow);
    ASSERT_TRUE(one && other);
    EXPECT_EQ(one->bytes, other->bytes) << shrink;
  }
}

// Windows change which pixels are made, not what they are.
TEST(JpegDecoder, WindowHasThePixelsOfTheWhole) {
  constexpr int kUntouched = 7;
  for (const Sampling& s : kSamplings) {
    for (const bool progressive : {false, true}) {
      const Octets file = written(picture_of(900, 300, 3), {.h = s.h,
                                                            .v = s.v,
                                                            .chroma_h = s.chroma_h,
                                                            .chroma_v = s.chroma_v,
                                                            .progressive = progressive});
      for (const int shrink : kShrinks) {
        SCOPED_TRACE(std::string(s.name) + " " + std::to_string(shrink));
        const auto whole = ours(file, shrink, JpegKernel::kLow);
        ASSERT_TRUE(whole);
        const int left = whole->width * 5 / 9, width = whole->width / 4, top = whole->height / 2;
        JpegDecoder decoder;
        ASSERT_EQ(decoder.open({.source = file, .shrink = shrink}), JpegEnd::kFine);
        decoder.want({left, width, top});
        Octets row(whole->row_bytes() + kJpegRowPadBytes, kUntouched);
        for (int y = 0; y < top; ++y) ASSERT_EQ(decoder.next_row(row.data()), JpegEnd::kFine);
        EXPECT_EQ(row, Octets(row.size(), kUntouched));
        for (int y = top; y < whole->height; ++y) {
          ASSERT_EQ(decoder.next_row(row.data()), JpegEnd::kFine);
          ASSERT_TRUE(std::equal(row.begin() + left * 3, row.begin() + (left + width) * 3,
                                 whole->row(y) + left * 3))
              << y;
        }
        EXPECT_EQ(decoder.finish(whole->height), JpegEnd::kFine);
      }
    }
  }
}

TEST(JpegDecoder, RowsThatNobodyWantsAreStillLookedAt) {
  Octets file = written(picture_of(320, 240, 3), {});
  file.resize(file.size() / 2);
  JpegDecoder decoder;
  ASSERT_EQ(decoder.open({.source = file, .shrink = 2}), JpegEnd::kFine);
  Octets row(1000);
  ASSERT_EQ(decoder.next_row(row.data()), JpegEnd::kFine);
  EXPECT_EQ(decoder.finish(16), JpegEnd::kFine);
  EXPECT_EQ(decoder.finish(120), JpegEnd::kIrregular);
}

Pixels noise_of(int width, int height, int bands) {
  std::mt19937 random(7);
  Pixels out{width, height, bands, {}};
  out.bytes.resize(out.row_bytes() * static_cast<std::size_t>(height));
  for (std::uint8_t& byte : out.bytes) byte = static_cast<std::uint8_t>(random());
  return out;
}

// Where a segment should end there are more bytes than the reader holds at once: what was looked
// for behind them was written behind its buffer.
TEST(JpegDecoder, SegmentsThatGoOnWhereTheirEndIsDueAreIrregular) {
  constexpr std::ptrdiff_t kMuch = 12000;
  for (const bool progressive : {false, true}) {
    const Octets file = written(noise_of(200, 200, 3), {.quality = 95, .progressive = progressive});
    ASSERT_GT(file.size(), 40000u);
    ASSERT_TRUE(ours(file, 2, JpegKernel::kLow));
    const auto first = find_marker(file, 0xDA);
    Octets restarts(file.begin(), first);
    for (const int byte : {0xFF, 0xDD, 0, 4, 0, 1}) {
      restarts.push_back(static_cast<std::uint8_t>(byte));
    }
    restarts.insert(restarts.end(), first, file.end());
    EXPECT_FALSE(ours(restarts, 2, JpegKernel::kLow)) << "a restart after each MCU, and none comes";
    // Behind the data of each scan, and of the file.
    for (auto at = first + 2; at != file.end(); ++at) {
      const bool marker = at[0] == 0xFF && at + 1 != file.end() && at[1] != 0;
      if (!marker) continue;
      Octets longer(file.begin(), at);
      longer.insert(longer.end(), kMuch, 0xAA);
      longer.insert(longer.end(), at, file.end());
      EXPECT_FALSE(ours(longer, 1, JpegKernel::kLow)) << at - file.begin();
    }
  }
}

// The last MCU that is wanted may be the one whose bits are not there.
TEST(JpegDecoder, AFewRowsNeedTheBitsThatTurboNeedsForThem) {
  constexpr int kRows = 4;
  const Octets file = written(picture_of(128, 128, 3), {});
  const auto data = find_marker(file, 0xDA) + 14;
  int enough = 0;
  for (auto at = data; at != file.end() - 2; ++at) {
    Octets cut(file.begin(), at);
    cut.insert(cut.end(), {0xFF, 0xD9});
    JpegDecoder decoder;
    ASSERT_EQ(decoder.open({.source = cut, .shrink = 1}), JpegEnd::kFine);
    decoder.want({0, 128, 0});
    Octets row(1000);
    JpegEnd end = JpegEnd::kFine;
    for (int y = 0; y < kRows && end == JpegEnd::kFine; ++y) end = decoder.next_row(row.data());
    Pixels by_turbo;
    const bool there = turbo_reads(cut, 1, JDCT_ISLOW, &by_turbo, kRows);
    ASSERT_TRUE(end != JpegEnd::kFine || there) << at - data;
    enough += end == JpegEnd::kFine ? 1 : 0;
  }
  EXPECT_GT(enough, 100);
}

// Colours are decided on at the first scan.
TEST(JpegDecoder, WhatIsSaidOfColoursBehindTheFirstScanComesTooLate) {
  const Pixels picture = picture_of(64, 48, 3);
  Octets file = written(picture, {.h = 1, .v = 1, .progressive = true});
  const Octets whole = file;
  const auto jfif = find_marker(file, 0xE0);
  ASSERT_NE(jfif, file.end());
  file.erase(jfif, jfif + 2 + jfif[2] * 256 + jfif[3]);
  const auto plain = ours(file, 1, JpegKernel::kLow);
  const auto scan = find_marker(file, 0xDA);
  const auto second = std::find_if(scan + 2, file.cend(), [&](const std::uint8_t& byte) {
    return byte == 0xFF && (&byte)[1] != 0;
  });
  ASSERT_NE(second, file.cend());
  const std::uint8_t adobe[] = {0xFF, 0xEE, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 0};
  file.insert(second, std::begin(adobe), std::end(adobe));
  const auto late = ours(file, 1, JpegKernel::kLow);
  ASSERT_TRUE(plain && late);
  EXPECT_EQ(late->bytes, plain->bytes);
}

TEST(JpegDecoder, NarrowProgressivePicturesDoNotHoldMoreThanIsPlanned) {
  const Octets narrow = written(picture_of(8, 20000, 3), {.h = 4, .v = 1, .progressive = true});
  const Octets wide = written(picture_of(1024, 160, 3), {.h = 4, .v = 1, .progressive = true});
  EXPECT_FALSE(ours(narrow, 2, JpegKernel::kLow));
  EXPECT_TRUE(ours(wide, 2, JpegKernel::kLow));
}

TEST(JpegDecoder, EveryTruncationIsIrregular) {
  for (const bool progressive : {false, true}) {
    for (const int restart : {0, 2}) {
      const Octets file =
          written(picture_of(70, 50, 3), {.restart_mcus = restart, .progressive = progressive});
      for (const int shrink : {1, 8}) {
        for (std::size_t size = 0; size < file.size(); ++size) {
          const Octets part(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
          ASSERT_FALSE(ours(part, shrink, JpegKernel::kLow)) << size;
        }
      }
    }
  }
}

// What both read is the same; what ours reads, turbo reads, but for damage in scans that are passed
// over. Products beyond 16 bits are rubbish in either: those are few.
TEST(JpegDecoder, DamagedFilesAreLeftToTurboOrReadAsByIt) {
  std::mt19937 random(5);
  int irregular = 0, fine = 0, different = 0;
  for (int i = 0; i < 4000; ++i) {
    const bool progressive = i % 2 == 0;
    Octets file =
        written(picture_of(90, 60, i % 3 == 0 ? 1 : 3), {.h = 1 + i % 2,
                                                         .v = 1 + i % 2,
                                                         .restart_mcus = i % 5 == 0 ? 3 : 0,
                                                         .progressive = progressive});
    const std::size_t within = i % 3 == 0 ? file.size() : 700;
    for (auto edits = 1 + random() % 3; edits > 0; --edits)
      file[random() % std::min(within, file.size())] ^=
          static_cast<std::uint8_t>(1 + random() % 255);
    const int shrink = kShrinks[random() % 4];
    const auto mine = ours(file, shrink, JpegKernel::kBox);
    if (!mine) {
      ++irregular;
      continue;
    }
    ++fine;
    const auto theirs = turbo(file, shrink);
    if (!theirs) {
      EXPECT_TRUE(progressive) << i;
      continue;
    }
    if (mine->bytes.size() != theirs->bytes.size() || largest_difference(*mine, *theirs) > 3)
      ++different;
  }
  EXPECT_GT(irregular, 100);
  EXPECT_GT(fine, 100);
  EXPECT_LE(different, fine / 50);
}

// libjpeg-turbo has them, so libjpeg-turbo reads them.
TEST(JpegDecoder, WhatIsRareIsIrregular) {
  const Pixels picture = picture_of(64, 48, 3);
  const auto refused = [](const Octets& file) {
    return !ours(file, 2, JpegKernel::kLow).has_value();
  };
  EXPECT_TRUE(refused(written(picture_of(64, 48, 4), {})));
  EXPECT_TRUE(refused(written(picture, {.h = 3, .v = 1})));
  EXPECT_TRUE(refused(written(picture, {.h = 4, .v = 2})));
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused({0xFF, 0xD8, 0xFF, 0xD9}));
  const Octets good = written(picture, {});
  EXPECT_FALSE(refused(good));
  // Of the frame header: arithmetic coding, a lossless frame, 12 bits.
  const auto frame = find_marker(good, 0xC0) - good.begin();
  for (const int marker : {0xC9, 0xCA, 0xC3, 0xC5}) {
    Octets other = good;
    other[static_cast<std::size_t>(frame + 1)] = static_cast<std::uint8_t>(marker);
    EXPECT_TRUE(refused(other)) << marker;
  }
  Octets deep = good;
  deep[static_cast<std::size_t>(frame + 4)] = 12;
  EXPECT_TRUE(refused(deep));
  Octets padded = good;
  padded.insert(padded.begin() + 2, {0xFF});
  EXPECT_TRUE(refused(padded));
}

// A picture that lacks bits of its last scan is smoothed by libjpeg-turbo.
TEST(JpegDecoder, IncompleteProgressionIsIrregular) {
  const Octets file = written(picture_of(64, 48, 1), {.progressive = true});
  std::vector<std::size_t> scans;
  for (std::size_t i = 0; i + 1 < file.size(); ++i) {
    if (file[i] == 0xFF && file[i + 1] == 0xDA) scans.push_back(i);
  }
  ASSERT_GT(scans.size(), 3u);
  EXPECT_TRUE(ours(file, 1, JpegKernel::kLow));
  for (std::size_t i = 1; i + 1 < scans.size(); ++i) {
    Octets without = file;
    without.erase(without.begin() + static_cast<std::ptrdiff_t>(scans[i]),
                  without.begin() + static_cast<std::ptrdiff_t>(scans[i + 1]));
    EXPECT_FALSE(ours(without, 8, JpegKernel::kLow)) << i;
  }
}

TEST(JpegDecoder, MoreScansOrCodesThanTheLimitAreIrregular) {
  const Octets file = written(picture_of(64, 48, 1), {});
  const auto codes = find_marker(file, 0xC4);
  ASSERT_NE(codes, file.end());
  const Octets table(codes, codes + 2 + codes[2] * 256 + codes[3]);
  Octets many(file.begin(), codes);
  for (int i = 0; i < 395; ++i) many.insert(many.end(), table.begin(), table.end());
  const auto with_rest = [&] {
    Octets out = many;
    out.insert(out.end(), codes, file.end());
    return out;
  };
  EXPECT_TRUE(ours(with_rest(), 8, JpegKernel::kLow));
  for (int i = 0; i < 10; ++i) many.insert(many.end(), table.begin(), table.end());
  EXPECT_FALSE(ours(with_rest(), 8, JpegKernel::kLow));
}

// Progressive planes are as large as a few bytes say: the caller's word comes first.
TEST(JpegDecoder, MorePixelsThanTheCallerExpectsAreIrregularBeforeMemoryIsTaken) {
  Octets file = written(picture_of(64, 48, 3), {.progressive = true});
  Pixels out;
  JpegSetup setup{.shrink = 1, .pixels_max = 64 * 48};
  EXPECT_EQ(read_ours(file, setup, &out), JpegEnd::kFine);
  setup.pixels_max = 64 * 48 - 1;
  EXPECT_EQ(read_ours(file, setup, &out), JpegEnd::kIrregular);
  const auto frame = static_cast<std::size_t>(find_marker(file, 0xC2) - file.begin());
  for (std::size_t i = 5; i < 9; ++i) file[frame + i] = 0xFF;
  setup.pixels_max = 0;
  EXPECT_EQ(read_ours(file, setup, &out), JpegEnd::kIrregular) << "a side above 65500";
}

TEST(JpegDecoder, StopFlagEndsIt) {
  StopFlag stop;
  stop.stop(StopReason::kTimeout);
  Pixels out;
  for (const bool progressive : {false, true}) {
    const Octets file = written(picture_of(64, 48, 3), {.progressive = progressive});
    EXPECT_EQ(read_ours(file, {.shrink = 1, .stop = &stop}, &out), JpegEnd::kStopped);
  }
}

TEST(JpegDecoder, TakesMemoryFromItsOwnerDirtyOrNone) {
  const Octets file = written(picture_of(300, 200, 3), {.progressive = true});
  Octets memory;
  JpegSetup setup{.shrink = 2, .take_owner = &memory};
  setup.take = [](void* owner, std::size_t bytes) noexcept -> void* {
    auto* dirty = static_cast<Octets*>(owner);
    dirty->assign(bytes, 0xA5);
    return dirty->data();
  };
  Pixels out;
  ASSERT_EQ(read_ours(file, setup, &out), JpegEnd::kFine);
  EXPECT_FALSE(memory.empty());
  EXPECT_EQ(out.bytes, ours(file, 2, JpegKernel::kLow)->bytes);
  setup.take = [](void*, std::size_t) noexcept -> void* { return nullptr; };
  EXPECT_EQ(read_ours(file, setup, &out), JpegEnd::kNoMemory);
  setup.take_bytes_min = 1 << 20;
  EXPECT_EQ(read_ours(file, setup, &out), JpegEnd::kFine);
}

}  // namespace
}  // namespace imgring::codec
