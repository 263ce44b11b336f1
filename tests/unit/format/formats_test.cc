// The table of formats.
#include <gtest/gtest.h>

#include "imgring/format/format.h"

namespace imgring {
namespace {

TEST(Formats, NamesAreLowerCaseOnly) {
  struct Case {
    std::string_view name;
    std::optional<ImageType> type;
  };
  const Case cases[] = {
      {"jpeg", ImageType::kJpeg},
      {"jpg", ImageType::kJpeg},
      {"jxl", ImageType::kJxl},
      {"png", ImageType::kPng},
      {"webp", ImageType::kWebp},
      {"gif", ImageType::kGif},
      {"ico", ImageType::kIco},
      {"svg", ImageType::kSvg},
      {"heic", ImageType::kHeic},
      {"avif", ImageType::kAvif},
      {"bmp", ImageType::kBmp},
      {"tiff", ImageType::kTiff},
      {"tif", {}},
      {"JPG", {}},
      {"", {}},
      {" png", {}},
      {"best", {}},
      {"pdf", {}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(image_type_by_name(c.name), c.type);
  }
}

TEST(Formats, FactsMatchTheirType) {
  for (int i = 1; i < kImageTypeCount; ++i) {
    const auto type = static_cast<ImageType>(i);
    SCOPED_TRACE(facts_of(type).name);
    EXPECT_EQ(image_type_by_name(facts_of(type).name), type);
    EXPECT_EQ(facts_of(type).extension[0], '.');
    EXPECT_EQ(facts_of(type).mime.substr(0, 6), "image/");
    EXPECT_EQ(facts_of(type).vector, type == ImageType::kSvg);
  }
  // Named, so that a format that comes touches no line here.
  EXPECT_FALSE(facts_of(ImageType::kJpeg).alpha);
  for (const auto type :
       {ImageType::kJxl, ImageType::kPng, ImageType::kWebp, ImageType::kGif, ImageType::kIco,
        ImageType::kSvg, ImageType::kHeic, ImageType::kAvif, ImageType::kBmp, ImageType::kTiff}) {
    EXPECT_TRUE(facts_of(type).alpha) << facts_of(type).name;
  }
  EXPECT_EQ(facts_of(ImageType::kHeic).mime, "image/heif");
  EXPECT_EQ(facts_of(ImageType::kIco).mime, "image/x-icon");
  EXPECT_EQ(facts_of(ImageType::kJpeg).extension, ".jpg");
  EXPECT_TRUE(facts_of(ImageType::kJxl).animation_load);
  EXPECT_FALSE(facts_of(ImageType::kJxl).animation_save);
}

// What of a format is a number must be one that estimates can add up.
TEST(Formats, CostsAreNumbersAndCertainOnesTheSmaller) {
  for (int i = 0; i < kImageTypeCount; ++i) {
    const auto type = static_cast<ImageType>(i);
    const format::Format& row = facts_of(type);
    SCOPED_TRACE(row.name);
    EXPECT_EQ(row.type, type);
    EXPECT_LE(row.encode.certain_bytes, row.encode.bytes);
    EXPECT_LT(row.encode.least_ns, row.encode.ns);
    EXPECT_GT(row.decode.bytes + row.decode.strip_rows, 0);
    EXPECT_GE(row.decode.whole_ns, row.decode.ns);
  }
}

TEST(ImageTypeSet, RemembersWhatWasAdded) {
  ImageTypeSet set;
  EXPECT_FALSE(set.has(ImageType::kTiff));
  set.add(ImageType::kTiff);
  set.add(ImageType::kJpeg);
  EXPECT_TRUE(set.has(ImageType::kTiff));
  EXPECT_TRUE(set.has(ImageType::kJpeg));
  EXPECT_FALSE(set.has(ImageType::kPng));
}

}  // namespace
}  // namespace imgring
