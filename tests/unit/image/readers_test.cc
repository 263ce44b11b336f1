// The ICO reader, the JPEG precheck, and whose fault what libvips says is.
#include "small_files.h"

namespace imgring::image::test {
namespace {

TEST(Ico, TakesTheLargestEntry) {
  const struct {
    int first, second, width;
  } kCases[] = {{16, 32, 32}, {32, 16, 32}, {0, 32, 256}, {32, 0, 256}};
  for (const auto& c : kCases) {
    const auto side = [](int stored) { return stored == 0 ? 256 : stored; };
    const int first = side(c.first), second = side(c.second);
    const std::string file = icon_of(
        {{c.first, c.first, png_of(first, first)}, {c.second, c.second, png_of(second, second)}});
    const auto image = load(bytes_of(file), ImageType::kIco, LoadParams{});
    ASSERT_TRUE(image.has_value()) << image.error().detail;
    EXPECT_EQ(vips_image_get_width(image->get()), c.width);
  }
}

TEST(Ico, OfEqualSizesTheDeeperIsTaken) {
  const std::string shallow =
      info_of({.width = 1, .height = 2, .depth = 24}) + std::string("\1\2\3\0\0\0\0\0", 8);
  const std::string deep =
      info_of({.width = 1, .height = 2, .depth = 32}) + std::string("\4\5\6\x80\0\0\0\0", 8);
  for (const auto& file :
       {icon_of({{1, 1, shallow}, {1, 1, deep}}), icon_of({{1, 1, deep}, {1, 1, shallow}})}) {
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
  EXPECT_EQ(loaded(icon_of({{1, 2, bitmap}}), ImageType::kIco), (Pixels{6, 5, 4, 255, 3, 2, 1, 0}));
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
  const std::string cases[] = {good.substr(0, 4),
                               good.substr(0, 6),
                               good.substr(0, 21),
                               good.substr(0, 30),
                               icon_of({}),
                               le(0, 2) + le(1, 2) + le(0xFFFF, 2) + std::string(100, '\0'),
                               icon_of({{1, 1, png_of(1, 1), 0xFFFFFFFE, 0xFFFFFFF0}}),
                               icon_of({{1, 1, inner}}),  // an icon in an icon
                               icon_of({{1, 1, std::string(60, 'x')}})};
  for (const std::string& file : cases) {
    SCOPED_TRACE(testing::PrintToString(file.substr(0, 40)));
    expect_broken(file, ImageType::kIco);
  }
}

TEST(VipsFailure, WhatALibraryOfPicturesSaysOrDoesNotSayIsThePicturesFault) {
  drop_vips_error();
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
