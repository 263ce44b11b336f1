// The reader of bitmaps: hostile files as hard as good ones.
#include "small_files.h"

namespace imgring::image::test {
namespace {

TEST(Bmp, RowsFromTheBottomAndPaddingAreUnderstood) {
  const std::string rows("\1\2\3\4\5\6\0\0\7\x8\x9\xA\xB\xC\0\0", 16);
  EXPECT_EQ(loaded(file_of({.pixels = rows}), ImageType::kBmp),
            (Pixels{9, 8, 7, 12, 11, 10, 3, 2, 1, 6, 5, 4}));
  EXPECT_EQ(loaded(file_of({.height = -2, .pixels = rows}), ImageType::kBmp),
            (Pixels{3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10}));
}

constexpr std::uint32_t kRed = 0x00FF0000, kGreen = 0x0000FF00, kBlue = 0x000000FF;
constexpr std::uint32_t kAlpha = 0xFF000000;

// Programs leave anything there.
TEST(Bmp, TheFourthByteWithoutMasksIsUnused) {
  for (const char fourth : {'\0', '\x80', '\xff'}) {
    const std::string pixels = std::string("\1\2\3") + fourth + std::string("\4\5\6") + fourth;
    for (const std::int32_t height : {1, -1}) {
      const Bmp b{.height = height, .depth = 32, .pixels = pixels};
      EXPECT_EQ(loaded(file_of(b), ImageType::kBmp), (Pixels{3, 2, 1, 6, 5, 4}));
    }
  }
}

TEST(Bmp, AlphaIsThereByItsMask) {
  const std::string pixels("\1\2\3\x80\4\5\6\xff", 8);
  for (const std::uint32_t header : {56u, 108u, 124u}) {
    SCOPED_TRACE(header);
    Bmp b{.height = 1, .depth = 32, .compression = 3, .header = header, .pixels = pixels};
    b.masks = {kRed, kGreen, kBlue, kAlpha};
    EXPECT_EQ(loaded(file_of(b), ImageType::kBmp), (Pixels{3, 2, 1, 128, 6, 5, 4, 255}));
    b.masks = {kRed, kGreen, kBlue, 0};
    EXPECT_EQ(loaded(file_of(b), ImageType::kBmp), (Pixels{3, 2, 1, 6, 5, 4}));
    b.masks = {kRed, kGreen, kBlue, kAlpha};
    b.pixels = std::string("\1\2\3\0\4\5\6\0", 8);  // 0 everywhere is no alpha
    EXPECT_EQ(loaded(file_of(b), ImageType::kBmp), (Pixels{3, 2, 1, 6, 5, 4}));
  }
  Bmp four{.height = 1, .depth = 32, .compression = 6, .pixels = pixels};
  four.masks = {kRed, kGreen, kBlue, kAlpha};
  EXPECT_EQ(loaded(file_of(four), ImageType::kBmp), (Pixels{3, 2, 1, 128, 6, 5, 4, 255}));
}

TEST(Bmp, MasksMayBeOfAnyWidthAndOrder) {
  const struct {
    std::uint32_t depth;
    std::vector<std::uint32_t> masks;
    std::uint32_t pixel;
    Pixels wanted;
  } kCases[] = {
      {32, {kBlue, kGreen, kRed}, 0x00112233, {0x33, 0x22, 0x11}},
      {32, {0x3FF00000, 0x000FFC00, 0x000003FF}, 0x3FF001FFu, {255, 0, 127}},
      {32, {0xFF000000, 0x00FF0000, 0x0000FF00}, 0x10203040, {0x10, 0x20, 0x30}},
      {32, {0xFFFFFFFF, 0, 0}, 0xFFFFFFFF, {255, 0, 0}},
      {32, {0x80000000, 0x00000001, 0x00FFFF00}, 0x80FFFF00, {255, 0, 255}},
      {16, {0x0F00, 0x00F0, 0x000F}, 0x0F71, {255, 119, 17}},
      {16, {0x001F, 0x03E0, 0x7C00}, 0x001F, {255, 0, 0}},
      {16, {0xE000, 0x1C00, 0x0300}, 0xFC00, {255, 255, 0}},
  };
  for (const auto& c : kCases) {
    for (const std::uint32_t header : {40u, 52u, 108u}) {
      Bmp b{.width = 1,
            .height = 1,
            .depth = c.depth,
            .compression = 3,
            .header = header,
            .pixels = le(c.pixel, 4)};
      b.masks = c.masks;
      EXPECT_EQ(loaded(file_of(b), ImageType::kBmp), c.wanted) << header << " " << c.pixel;
    }
  }
}

TEST(Bmp, SixteenBitsMayHaveAlpha) {
  Bmp b{.height = 1,
        .depth = 16,
        .compression = 3,
        .header = 108,
        .pixels = std::string("\x1f\x80\xe0\x03", 4)};
  b.masks = {0x7C00, 0x03E0, 0x001F, 0x8000};
  EXPECT_EQ(loaded(file_of(b), ImageType::kBmp), (Pixels{0, 0, 255, 255, 0, 255, 0, 0}));
}

TEST(Bmp, HeadersOfEachLengthAreRead) {
  const std::string rows("\1\2\3\4\5\6\0\0\7\x8\x9\xA\xB\xC\0\0", 16);
  for (const std::uint32_t header : {12u, 40u, 52u, 56u, 64u, 108u, 124u}) {
    EXPECT_EQ(loaded(file_of({.header = header, .pixels = rows}), ImageType::kBmp),
              (Pixels{9, 8, 7, 12, 11, 10, 3, 2, 1, 6, 5, 4}))
        << header;
  }
}

TEST(Bmp, ThePaletteOfTheOldestHeaderHasThreeBytesEachAndMayBeShort) {
  const std::string palette("\0\0\xff\0\xff\0", 6);
  EXPECT_EQ(loaded(file_of({.height = 1,
                            .depth = 8,
                            .header = 12,
                            .palette = palette,
                            .pixels = std::string("\0\1\0\0", 4)}),
                   ImageType::kBmp),
            (Pixels{255, 0, 0, 0, 255, 0}));
}

TEST(Bmp, PalettesOfEachDepth) {
  const std::string palette = std::string("\0\0\xff\0", 4) + std::string("\0\xff\0\0", 4);
  const struct {
    std::uint32_t depth;
    std::string row;
  } kCases[] = {{1, "\x40"}, {2, "\x10"}, {4, "\x01"}, {8, std::string("\0\1", 2)}};
  for (const auto& c : kCases) {
    std::string row = c.row;
    row.resize(4);
    EXPECT_EQ(
        loaded(
            file_of(
                {.height = 1, .depth = c.depth, .colours = 2, .palette = palette, .pixels = row}),
            ImageType::kBmp),
        (Pixels{255, 0, 0, 0, 255, 0}))
        << c.depth;
  }
}

TEST(Bmp, AnIndexBeyondThePaletteIsBlack) {
  const std::string palette("\xff\xff\xff\0", 4);
  EXPECT_EQ(loaded(file_of({.width = 1,
                            .height = 1,
                            .depth = 8,
                            .colours = 1,
                            .palette = palette,
                            .pixels = std::string("\xC8\0\0\0", 4)}),
                   ImageType::kBmp),
            (Pixels{0, 0, 0}));
}

TEST(Bmp, FifteenAndSixteenBitsSpanTheWholeRange) {
  EXPECT_EQ(loaded(file_of({.height = 1, .depth = 16, .pixels = std::string("\xff\x7f\0\x7c", 4)}),
                   ImageType::kBmp),
            (Pixels{255, 255, 255, 255, 0, 0}));
  const std::string masks = le(0xF800, 4) + le(0x7E0, 4) + le(0x1F, 4);
  EXPECT_EQ(loaded(file_of({.height = 1,
                            .depth = 16,
                            .compression = 3,
                            .palette = masks,
                            .pixels = std::string("\xff\xff\xe0\x07", 4)}),
                   ImageType::kBmp),
            (Pixels{248, 252, 248, 0, 252, 0}));  // as imgproxy shifts them
}

TEST(Bmp, RunLengthsWithMovesLiteralsAndEarlyEnd) {
  const std::string palette = std::string(4, '\0') + std::string("\1\2\3\0", 4);
  Bmp b{.width = 4, .height = -2, .depth = 8, .compression = 1, .colours = 2, .palette = palette};
  b.pixels = std::string("\2\1\0\2\1\0\1\1\0\0\0\3\1\0\1\0\0\1", 18);
  const Pixels one{3, 2, 1}, none{0, 0, 0};
  Pixels want;
  for (const Pixels& p : {one, one, none, one, one, none, one, none}) {
    want.insert(want.end(), p.begin(), p.end());
  }
  EXPECT_EQ(loaded(file_of(b), ImageType::kBmp), want);
  b.pixels = std::string("\0\1", 2);
  EXPECT_EQ(loaded(file_of(b), ImageType::kBmp), Pixels(24, 0));
}

TEST(Bmp, RunLengthsStayInsideRowAndPicture) {
  Bmp b{.width = 4,
        .height = 2,
        .depth = 8,
        .compression = 1,
        .colours = 1,
        .palette = std::string("\1\2\3\0", 4)};
  b.pixels = std::string("\xff\0\xff\0\0\0\xff\0\0\2\xff\xff\xff\0\0\1", 16);
  EXPECT_EQ(loaded(file_of(b), ImageType::kBmp).size(), 24u);
}

TEST(Bmp, WhatWritersLeaveOutIsNotMissed) {
  Bmp b{.width = 1, .height = 2, .pixels = std::string("\1\2\3\0\4\5\6\0", 8)};
  const Pixels wanted{6, 5, 4, 3, 2, 1};
  EXPECT_EQ(loaded(file_of(b), ImageType::kBmp), wanted);
  b.planes = 0;
  EXPECT_EQ(loaded(file_of(b), ImageType::kBmp), wanted);
  b.pixels.pop_back();  // what fills up the last row
  EXPECT_EQ(loaded(file_of(b), ImageType::kBmp), wanted);
  // Colours that are not used, and the mark of the end of run lengths.
  EXPECT_EQ(loaded(file_of({.width = 2,
                            .height = 1,
                            .depth = 8,
                            .palette = std::string("\1\2\3\0\4\5\6\0", 8),
                            .pixels = std::string("\1\0\0\0", 4)}),
                   ImageType::kBmp),
            (Pixels{6, 5, 4, 3, 2, 1}));
  Bmp runs{.width = 2,
           .height = 2,
           .depth = 8,
           .compression = 1,
           .colours = 1,
           .palette = std::string("\1\2\3\0", 4),
           .pixels = std::string("\2\0\0\0\2\0", 6)};
  EXPECT_EQ(loaded(file_of(runs), ImageType::kBmp).size(), 12u);
  runs.pixels = std::string("\2\0\0\0\1\0", 6);
  expect_broken(file_of(runs), ImageType::kBmp);
}

TEST(Bmp, HostileFilesAreRefused) {
  const std::string pixels(16, 'x');
  const std::string cases[] = {
      "BM",
      "BM" + std::string(12, '\0'),
      "BM" + std::string(16, '\0'),
      file_of({.header = 16, .pixels = pixels}),
      file_of({.width = 0, .pixels = pixels}),
      file_of({.width = -2, .pixels = pixels}),
      file_of({.height = 0, .pixels = pixels}),
      file_of({.height = INT32_MIN, .pixels = pixels}),
      file_of({.planes = 2, .pixels = pixels}),
      file_of({.depth = 0, .pixels = pixels}),
      file_of({.depth = 3, .pixels = pixels}),
      file_of({.depth = 64, .pixels = pixels}),
      file_of({.compression = 1, .pixels = pixels}),
      file_of({.compression = 4, .pixels = pixels}),
      file_of({.compression = 3, .pixels = pixels}),
      file_of({.depth = 32, .compression = 3, .header = 64, .pixels = pixels}),   // a fax
      file_of({.depth = 32, .compression = 3, .header = 108, .pixels = pixels}),  // empty masks
      file_of({.pixels = pixels.substr(3)}),
      file_of({.width = 0x7FFFFFFF, .pixels = pixels}),
      file_of({.width = 9'000'000, .height = 9'000'000, .pixels = pixels}),
      file_of({.depth = 8, .colours = 257, .palette = std::string(1028, 'p'), .pixels = pixels}),
      file_of({.depth = 8, .colours = 0xFFFFFFFF, .pixels = pixels}),
      file_of({.depth = 8, .pixels = pixels}),  // 256 colours, none there
      file_of({.depth = 8, .compression = 1, .colours = 1, .palette = "pppp", .pixels = "\5"}),
      file_of({.depth = 8,
               .compression = 1,
               .colours = 1,
               .palette = "pppp",
               .pixels = std::string("\0\x20zz", 4)}),
  };
  for (const std::string& file : cases) {
    SCOPED_TRACE(testing::PrintToString(file.substr(0, 60)));
    expect_broken(file, ImageType::kBmp);
  }
  std::string far = file_of({.pixels = pixels});
  far.replace(10, 4, le(0xFFFFFFF0, 4));
  expect_broken(far, ImageType::kBmp);
}

TEST(Bmp, ARunLengthBombTakesNoMemoryForItsHeader) {
  // 100 MP in a file of 80 bytes: the size is told, pixels only when somebody asks.
  const std::string file = file_of({.width = 10'000,
                                    .height = 10'000,
                                    .depth = 8,
                                    .compression = 1,
                                    .colours = 1,
                                    .palette = "pppp",
                                    .pixels = std::string("\0\1", 2)});
  const auto image = load(bytes_of(file), ImageType::kBmp, LoadParams{});
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(vips_image_get_width(image->get()), 10'000);
}

}  // namespace
}  // namespace imgring::image::test
