// ICO and BMP readers, the JPEG precheck: hostile files as hard as good ones.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "imgring/image/loader.h"
#include "test_images.h"

namespace imgring::image::test {
namespace {

std::string le(std::uint32_t value, int width) {
  std::string out;
  for (int i = 0; i < width; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

struct Bmp {
  std::int32_t width = 2, height = 2;
  std::uint32_t planes = 1, depth = 24, compression = 0, colours = 0, header = 40;
  std::string palette{}, pixels{};
  std::vector<std::uint32_t> masks{};  // in the header, or right behind one of 40
};
std::string info_of(const Bmp& b) {
  if (b.header == 12) {
    return le(12, 4) + le(static_cast<std::uint32_t>(b.width), 2) +
           le(static_cast<std::uint32_t>(b.height), 2) + le(b.planes, 2) + le(b.depth, 2);
  }
  std::string out = le(b.header, 4) + le(static_cast<std::uint32_t>(b.width), 4) +
                    le(static_cast<std::uint32_t>(b.height), 4) + le(b.planes, 2) + le(b.depth, 2) +
                    le(b.compression, 4) + std::string(12, 0) + le(b.colours, 4) + le(0, 4);
  for (const std::uint32_t mask : b.masks) out += le(mask, 4);
  if (out.size() < b.header) out.resize(b.header, '\0');
  return out;
}
std::string file_of(const Bmp& b) {
  const std::string info = info_of(b);
  const auto offset = static_cast<std::uint32_t>(14 + info.size() + b.palette.size());
  return "BM" + std::string(8, 0) + le(offset, 4) + info + b.palette + b.pixels;
}

struct Entry {
  int width, height;
  std::string data;
  std::uint32_t size_bytes = 0xFFFFFFFE, offset = 0xFFFFFFFE;  // those: the true ones
};
std::string icon_of(const std::vector<Entry>& entries) {
  std::string head = le(0, 2) + le(1, 2) + le(static_cast<std::uint32_t>(entries.size()), 2);
  std::string body;
  for (const Entry& e : entries) {
    const auto size = e.size_bytes == 0xFFFFFFFE ? e.data.size() : e.size_bytes;
    const auto at = e.offset == 0xFFFFFFFE ? 6 + 16 * entries.size() + body.size() : e.offset;
    head.push_back(static_cast<char>(e.width));
    head.push_back(static_cast<char>(e.height));
    head += le(0, 2) + le(1, 2) + le(32, 2) + le(static_cast<std::uint32_t>(size), 4) +
            le(static_cast<std::uint32_t>(at), 4);
    body += e.data;
  }
  return head + body;
}
std::string png_of(int width, int height) {
  return saved_by_vips(picture(width, height, 3).get(), ".png");
}

void expect_broken(const std::string& file, ImageType type) {
  const auto image = load(bytes_of(file), type, LoadParams{});
  if (!image) {
    EXPECT_EQ(image.error().code, ErrorCode::kBrokenImage) << image.error().detail;
    return;
  }
  // The header was fine: then the pixels must fail.
  const auto memory = copy_to_memory(image->get(), StopFlag{});
  ASSERT_FALSE(memory.has_value());
  EXPECT_EQ(memory.error().code, ErrorCode::kBrokenImage) << memory.error().detail;
}
std::vector<std::uint8_t> loaded(const std::string& file, ImageType type) {
  const auto image = load(bytes_of(file), type, LoadParams{});
  if (!image) {
    ADD_FAILURE() << image.error().detail;
    return {};
  }
  return pixels_of(image->get());
}
using Pixels = std::vector<std::uint8_t>;

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
      Bmp b{.width = 1, .height = 1, .depth = c.depth, .compression = 3, .header = header,
            .pixels = le(c.pixel, 4)};
      b.masks = c.masks;
      EXPECT_EQ(loaded(file_of(b), ImageType::kBmp), c.wanted) << header << " " << c.pixel;
    }
  }
}

TEST(Bmp, SixteenBitsMayHaveAlpha) {
  Bmp b{.height = 1, .depth = 16, .compression = 3, .header = 108,
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
  EXPECT_EQ(loaded(file_of({.height = 1, .depth = 8, .header = 12, .palette = palette,
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
    EXPECT_EQ(loaded(file_of({.height = 1, .depth = c.depth, .colours = 2, .palette = palette,
                              .pixels = row}),
                     ImageType::kBmp),
              (Pixels{255, 0, 0, 0, 255, 0}))
        << c.depth;
  }
}

TEST(Bmp, AnIndexBeyondThePaletteIsBlack) {
  const std::string palette("\xff\xff\xff\0", 4);
  EXPECT_EQ(loaded(file_of({.width = 1, .height = 1, .depth = 8, .colours = 1, .palette = palette,
                            .pixels = std::string("\xC8\0\0\0", 4)}),
                   ImageType::kBmp),
            (Pixels{0, 0, 0}));
}

TEST(Bmp, FifteenAndSixteenBitsSpanTheWholeRange) {
  EXPECT_EQ(loaded(file_of({.height = 1, .depth = 16, .pixels = std::string("\xff\x7f\0\x7c", 4)}),
                   ImageType::kBmp),
            (Pixels{255, 255, 255, 255, 0, 0}));
  const std::string masks = le(0xF800, 4) + le(0x7E0, 4) + le(0x1F, 4);
  EXPECT_EQ(loaded(file_of({.height = 1, .depth = 16, .compression = 3, .palette = masks,
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
  Bmp b{.width = 4, .height = 2, .depth = 8, .compression = 1, .colours = 1,
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
  EXPECT_EQ(loaded(file_of({.width = 2, .height = 1, .depth = 8,
                            .palette = std::string("\1\2\3\0\4\5\6\0", 8),
                            .pixels = std::string("\1\0\0\0", 4)}),
                   ImageType::kBmp),
            (Pixels{6, 5, 4, 3, 2, 1}));
  Bmp runs{.width = 2, .height = 2, .depth = 8, .compression = 1, .colours = 1,
           .palette = std::string("\1\2\3\0", 4), .pixels = std::string("\2\0\0\0\2\0", 6)};
  EXPECT_EQ(loaded(file_of(runs), ImageType::kBmp).size(), 12u);
  runs.pixels = std::string("\2\0\0\0\1\0", 6);
  expect_broken(file_of(runs), ImageType::kBmp);
}

TEST(Bmp, HostileFilesAreRefused) {
  const std::string pixels(16, 'x');
  const std::string cases[] = {
      "BM", "BM" + std::string(12, '\0'), "BM" + std::string(16, '\0'),
      file_of({.header = 16, .pixels = pixels}), file_of({.width = 0, .pixels = pixels}),
      file_of({.width = -2, .pixels = pixels}), file_of({.height = 0, .pixels = pixels}),
      file_of({.height = INT32_MIN, .pixels = pixels}), file_of({.planes = 2, .pixels = pixels}),
      file_of({.depth = 0, .pixels = pixels}), file_of({.depth = 3, .pixels = pixels}),
      file_of({.depth = 64, .pixels = pixels}), file_of({.compression = 1, .pixels = pixels}),
      file_of({.compression = 4, .pixels = pixels}), file_of({.compression = 3, .pixels = pixels}),
      file_of({.depth = 32, .compression = 3, .header = 64, .pixels = pixels}),  // a fax
      file_of({.depth = 32, .compression = 3, .header = 108, .pixels = pixels}),  // empty masks
      file_of({.pixels = pixels.substr(3)}), file_of({.width = 0x7FFFFFFF, .pixels = pixels}),
      file_of({.width = 9'000'000, .height = 9'000'000, .pixels = pixels}),
      file_of({.depth = 8, .colours = 257, .palette = std::string(1028, 'p'), .pixels = pixels}),
      file_of({.depth = 8, .colours = 0xFFFFFFFF, .pixels = pixels}),
      file_of({.depth = 8, .pixels = pixels}),  // 256 colours, none there
      file_of({.depth = 8, .compression = 1, .colours = 1, .palette = "pppp", .pixels = "\5"}),
      file_of({.depth = 8, .compression = 1, .colours = 1, .palette = "pppp",
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
  const std::string file =
      file_of({.width = 10'000, .height = 10'000, .depth = 8, .compression = 1, .colours = 1,
               .palette = "pppp", .pixels = std::string("\0\1", 2)});
  const auto image = load(bytes_of(file), ImageType::kBmp, LoadParams{});
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(vips_image_get_width(image->get()), 10'000);
}

TEST(Ico, TakesTheLargestEntry) {
  const struct {
    int first, second, width;
  } kCases[] = {{16, 32, 32}, {32, 16, 32}, {0, 32, 256}, {32, 0, 256}};
  for (const auto& c : kCases) {
    const auto side = [](int stored) { return stored == 0 ? 256 : stored; };
    const int first = side(c.first), second = side(c.second);
    const std::string file = icon_of({{c.first, c.first, png_of(first, first)},
                                      {c.second, c.second, png_of(second, second)}});
    const auto image = load(bytes_of(file), ImageType::kIco, LoadParams{});
    ASSERT_TRUE(image.has_value()) << image.error().detail;
    EXPECT_EQ(vips_image_get_width(image->get()), c.width);
  }
}

TEST(Ico, OfEqualSizesTheDeeperIsTaken) {
  const std::string shallow = info_of({.width = 1, .height = 2, .depth = 24}) +
                              std::string("\1\2\3\0\0\0\0\0", 8);
  const std::string deep = info_of({.width = 1, .height = 2, .depth = 32}) +
                           std::string("\4\5\6\x80\0\0\0\0", 8);
  for (const auto& file : {icon_of({{1, 1, shallow}, {1, 1, deep}}),
                           icon_of({{1, 1, deep}, {1, 1, shallow}})}) {
    EXPECT_EQ(loaded(file, ImageType::kIco), (Pixels{6, 5, 4, 128}));
  }
}

TEST(Ico, SidesThatTheDirectoryCannotSayAreThePictures) {
  for (const int side : {257, 512}) {
    const std::string file = icon_of({{16, 16, png_of(16, 16)}, {0, 0, png_of(side, side)}});
    const auto image = load(bytes_of(file), ImageType::kIco, {});
    ASSERT_TRUE(image.has_value()) << image.error().detail;
    EXPECT_EQ(vips_image_get_width(image->get()), side);
  }
}

TEST(Ico, WhatCannotBeReadYieldsToWhatCan) {
  const std::string good = png_of(16, 16);
  const std::string cut = info_of({.width = 64, .height = 128, .depth = 32}) + "x";
  const Entry bad[] = {
      {64, 64, std::string(60, 'x')},
      {64, 64, cut},
      {64, 64, good, 0},
      {64, 64, good, 7},
      {64, 64, good, 100, 0xFFFFFF00},
      {64, 64, good.substr(0, 30)},
      {64, 64, icon_of({{16, 16, good}})},  // an icon in an icon
  };
  for (const Entry& entry : bad) {
    for (const auto& file : {icon_of({entry, {16, 16, good}}), icon_of({{16, 16, good}, entry})}) {
      const auto image = load(bytes_of(file), ImageType::kIco, {});
      ASSERT_TRUE(image.has_value()) << image.error().detail;
      EXPECT_EQ(vips_image_get_width(image->get()), 16);
    }
  }
}

TEST(Ico, ALengthBeyondTheEndIsTheEnd) {
  EXPECT_EQ(loaded(icon_of({{4, 4, png_of(4, 4), 0xFFFFFFFF}}), ImageType::kIco),
            pixels_of(picture(4, 4, 3).get()));
}

TEST(Ico, ALengthThatIsTooShortEndsAtTheNextPicture) {
  const std::string pixels("\1\2\3\0\0\0\0\0", 8);
  const std::string bitmap = info_of({.width = 1, .height = 2, .depth = 24}) + pixels;
  EXPECT_EQ(loaded(icon_of({{1, 1, bitmap, 41}}), ImageType::kIco), (Pixels{3, 2, 1}));
  EXPECT_EQ(loaded(icon_of({{4, 4, png_of(4, 4), 40}}), ImageType::kIco),
            pixels_of(picture(4, 4, 3).get()));
  // A header alone does not take its pixels from the next picture.
  const std::string head = info_of({.width = 2, .height = 4, .depth = 24});
  EXPECT_EQ(loaded(icon_of({{2, 2, head}, {1, 1, bitmap + std::string(99, 'x')}}), ImageType::kIco),
            (Pixels{3, 2, 1}));
}

// Some writers have no mask and say the height of the pixels.
TEST(Ico, AHeightThatIsNotDoubledIsRead) {
  const std::string pixels("\1\2\3\0\4\5\6\0", 8);
  const std::string whole = info_of({.width = 1, .height = 2, .depth = 24}) + pixels;
  EXPECT_EQ(loaded(icon_of({{1, 2, whole}}), ImageType::kIco), (Pixels{6, 5, 4, 3, 2, 1}));
  // One row, and one that clears.
  EXPECT_EQ(loaded(icon_of({{1, 1, whole}}), ImageType::kIco).size(), 4u);
  EXPECT_EQ(loaded(icon_of({{1, 2, whole.substr(0, whole.size() - 1)}}), ImageType::kIco).size(),
            4u);
}

// Two pixels, the left one clear.
struct Depth {
  std::uint32_t depth;
  std::string palette, pixels;
};
TEST(Ico, TheMaskClears) {
  const std::string two = std::string("\0\0\xff\0", 4) + std::string("\0\xff\0\0", 4);
  const Depth kDepths[] = {
      {1, two, std::string("\x40\0\0\0", 4)},
      {4, two, std::string("\x01\0\0\0", 4)},
      {8, two, std::string("\0\1\0\0", 4)},
      {24, "", std::string("\0\0\xff\0\xff\0\0\0", 8)},
      {32, "", std::string("\0\0\xff\0\0\xff\0\0", 8)},
  };
  for (const Depth& c : kDepths) {
    SCOPED_TRACE(c.depth);
    const std::uint32_t colours = c.palette.empty() ? 0 : 2;
    const std::string bitmap =
        info_of({.width = 2, .height = 2, .depth = c.depth, .colours = colours}) + c.palette +
        c.pixels;
    const std::string clears = std::string("\x80\0\0\0", 4), none(4, '\0');
    EXPECT_EQ(loaded(icon_of({{2, 1, bitmap + clears}}), ImageType::kIco),
              (Pixels{255, 0, 0, 0, 0, 255, 0, 255}));
    // Without a bit in it, or cut off, there is nothing clear.
    for (const std::string& mask : {none, std::string(), std::string("\0", 1)}) {
      EXPECT_EQ(loaded(icon_of({{2, 1, bitmap + mask}}), ImageType::kIco),
                (Pixels{255, 0, 0, 0, 255, 0}));
    }
  }
}

TEST(Ico, RowsOfTheMaskThatAreCutOffClearNothing) {
  const std::string bitmap = info_of({.width = 1, .height = 4, .depth = 24}) +
                             std::string("\1\2\3\0\4\5\6\0", 8) + std::string("\x80\0\0\0\x80", 5);
  EXPECT_EQ(loaded(icon_of({{1, 2, bitmap}}), ImageType::kIco),
            (Pixels{6, 5, 4, 255, 3, 2, 1, 0}));
}

TEST(Ico, AlphaThatIsThereCountsAndTheMaskDoesNot) {
  const std::string bitmap = info_of({.width = 2, .height = 2, .depth = 32}) +
                             std::string("\1\2\3\x40\4\5\6\x0", 8) + std::string("\x80\0\0\0", 4);
  EXPECT_EQ(loaded(icon_of({{2, 1, bitmap}}), ImageType::kIco),
            (Pixels{3, 2, 1, 0x40, 6, 5, 4, 0}));
}

TEST(Ico, BitmapsInsideHaveDoubleHeight) {
  const std::string info = info_of({.width = 1, .height = 2, .depth = 32});
  const std::string file = icon_of({{1, 1, info + std::string("\1\2\3\4\0\0\0\0", 8)}});
  EXPECT_EQ(loaded(file, ImageType::kIco), (Pixels{3, 2, 1, 4}));
}

// imgproxy's reader hands on pixels alone: with the palette its PNGs would be quantised again.
TEST(Ico, NothingThatAPictureInsideSaysOfItselfIsHandedOn) {
  const VipsImagePtr base = picture(20, 10, 3);
  VipsImage* own = nullptr;
  ASSERT_EQ(vips_copy(base.get(), &own, nullptr), 0);
  const VipsImagePtr tagged(own);
  const std::string profile = srgb_profile();
  vips_image_set_blob_copy(tagged.get(), VIPS_META_ICC_NAME, profile.data(), profile.size());
  vips_image_set_int(tagged.get(), VIPS_META_ORIENTATION, 6);
  const std::string png = saved_by_vips(tagged.get(), ".png[palette]");
  const auto inside = load(bytes_of(png), ImageType::kPng, LoadParams{});
  ASSERT_TRUE(inside.has_value());
  ASSERT_NE(vips_image_get_typeof(inside->get(), VIPS_META_ICC_NAME), 0u);
  const auto image = load(bytes_of(icon_of({{20, 10, png}})), ImageType::kIco, LoadParams{});
  ASSERT_TRUE(image.has_value()) << image.error().detail;
  for (const char* field : {VIPS_META_ICC_NAME, VIPS_META_EXIF_NAME, VIPS_META_ORIENTATION,
                            "palette", "palette-bit-depth", "bits-per-sample"}) {
    EXPECT_EQ(vips_image_get_typeof(image->get(), field), 0u) << field;
  }
  EXPECT_EQ(vips_image_get_width(image->get()), 20);
  EXPECT_DOUBLE_EQ(vips_image_get_xres(image->get()), vips_image_get_xres(inside->get()));
}

// No memory on the word of a 23-byte icon.
TEST(Ico, DataSize0IsRefused) {
  expect_broken(icon_of({{1, 1, png_of(1, 1), 0}}), ImageType::kIco);
}
TEST(Ico, DataSize7IsRefused) {
  expect_broken(icon_of({{1, 1, png_of(1, 1), 7}}), ImageType::kIco);
}
TEST(Ico, DataSizeFFFFFFFFOfNothingIsRefused) {
  expect_broken(icon_of({{1, 1, std::string(12, 'x'), 0xFFFFFFFF}}), ImageType::kIco);
}

TEST(Ico, HostileFilesAreRefused) {
  const std::string good = icon_of({{1, 1, png_of(1, 1)}});
  std::string inner = good;
  inner.resize(60, '\0');
  const std::string cases[] = {
      good.substr(0, 4), good.substr(0, 6), good.substr(0, 21), good.substr(0, 30),
      icon_of({}), le(0, 2) + le(1, 2) + le(0xFFFF, 2) + std::string(100, '\0'),
      icon_of({{1, 1, png_of(1, 1), 0xFFFFFFFE, 0xFFFFFFF0}}),
      icon_of({{1, 1, inner}}),         // an icon in an icon
      icon_of({{1, 1, std::string(60, 'x')}})};
  for (const std::string& file : cases) {
    SCOPED_TRACE(testing::PrintToString(file.substr(0, 40)));
    expect_broken(file, ImageType::kIco);
  }
}

TEST(VipsFailure, WhatALibraryOfPicturesSaysOrDoesNotSayIsThePicturesFault) {
  vips_error_clear();
  EXPECT_EQ(vips_failure("").code, ErrorCode::kBrokenImage);
  vips_error("DumpModeDecode", "%s", "Not enough data for scanline 0");
  EXPECT_EQ(vips_failure("").code, ErrorCode::kBrokenImage);
  vips_error("webp", "%s", "unable to parse image");  // at the header or, seldom, while pulled
  EXPECT_EQ(vips_failure("").code, ErrorCode::kBrokenImage);
  vips_error("vips_extract_area", "%s", "bad extract area");
  EXPECT_EQ(vips_failure("").code, ErrorCode::kInternal);
  vips_error("source", "%s", "bad seek to 12");  // what is left when another job took our words
  EXPECT_EQ(vips_failure("").code, ErrorCode::kBrokenImage);
  vips_error("source", "%s", "bad seek to 12");
  vips_error("vips_extract_area", "%s", "bad extract area");
  EXPECT_EQ(vips_failure("").code, ErrorCode::kInternal);
}

// libvips has one buffer of words for all threads: a job may find its own, those of another, or
// none, but never half a line.
TEST(VipsFailure, JobsThatFailAtOnceTakeWholeLines) {
  constexpr int kThreads = 4, kFailures = 5000;
  std::atomic<int> torn = 0, internal = 0;
  std::vector<std::thread> helpers;
  for (int i = 0; i < kThreads; ++i) {
    helpers.emplace_back([&] {
      for (int n = 0; n < kFailures; ++n) {
        vips_error("VipsJpeg", "%s", "Inconsistent progression sequence");
        const Error error = vips_failure("");
        const bool whole = error.detail.empty() || error.detail.starts_with("VipsJpeg: Incons");
        torn += whole ? 0 : 1;
        internal += error.code == ErrorCode::kInternal ? 1 : 0;
        job_finished();
      }
    });
  }
  for (std::thread& helper : helpers) helper.join();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(internal, 0);
}

std::string jpeg_with_scans(int count) {
  std::string out = "\xff\xd8";
  for (int i = 0; i < count; ++i) out += std::string("\xff\xda\0\3x data \xff\0 \xff\xd0", 17);
  return out + "\xff\xd9";
}

TEST(JpegCheck, AHundredScansAreTheMost) {
  const auto refused = load(bytes_of(jpeg_with_scans(101)), ImageType::kJpeg, {});
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().detail.find("100 scans"), std::string::npos);
  const auto other = load(bytes_of(jpeg_with_scans(100)), ImageType::kJpeg, {});
  ASSERT_FALSE(other.has_value());  // no JPEG anyway, but for another reason
  EXPECT_EQ(other.error().detail.find("100 scans"), std::string::npos);
}

}  // namespace
}  // namespace imgring::image::test
