// Profiles, EXIF and XMP of a source: whose bytes they are, and how many they may be.
#include "../../../src/image/blobs.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <string>

#include "imgring/image/loader.h"
#include "test_images.h"

namespace imgring::image::test {
namespace {

using Blobs = std::map<std::string, std::string>;

void* collect_blob(VipsImage*, const char* field, GValue* value, void* blobs) {
  if (!G_VALUE_HOLDS(value, VIPS_TYPE_BLOB)) return nullptr;
  const auto* area = static_cast<VipsArea*>(g_value_get_boxed(value));
  (*static_cast<Blobs*>(blobs))[field] = {static_cast<const char*>(area->data), area->length};
  return nullptr;
}
Blobs blobs_of(VipsImage* image) {
  Blobs blobs;
  vips_image_map(image, collect_blob, &blobs);
  return blobs;
}
void* count_strange(VipsImage*, const char*, GValue* value, void* count) {
  if (!G_VALUE_HOLDS(value, VIPS_TYPE_BLOB)) return nullptr;
  if (static_cast<VipsArea*>(g_value_get_boxed(value))->free_fn == nullptr) {
    ++*static_cast<int*>(count);
  }
  return nullptr;
}
// Blobs whose bytes belong to something else.
int strange_blobs(VipsImage* image) {
  int count = 0;
  vips_image_map(image, count_strange, &count);
  return count;
}

VipsImagePtr tagged_picture(const std::string& profile) {
  const VipsImagePtr plain = picture(64, 48, 3);
  VipsImagePtr tagged = own_copy(plain.get());
  set_blob(tagged.get(), VIPS_META_ICC_NAME, profile);
  set_blob(tagged.get(), VIPS_META_XMP_NAME, "<x:xmpmeta xmlns:x='adobe:ns:meta/'/>");
  vips_image_set_string(tagged.get(), "exif-ifd0-Copyright", "somebody");
  return tagged;
}

struct Format {
  ImageType type;
  const char* suffix;
};
constexpr Format kFormats[] = {{ImageType::kJpeg, ".jpg"},
                               {ImageType::kPng, ".png"},
                               {ImageType::kWebp, ".webp"},
                               {ImageType::kTiff, ".tif"},
                               {ImageType::kAvif, ".avif[compression=av1]"},
                               {ImageType::kHeic, ".heic[compression=hevc]"},
                               {ImageType::kJxl, ".jxl"}};

TEST(Blobs, OutliveTheImageTheyWereLoadedWith) {
  const VipsImagePtr tagged = tagged_picture(srgb_profile());
  for (const Format& format : kFormats) {
    SCOPED_TRACE(format.suffix);
    if (!can_save(format.type)) continue;
    const std::string file = saved_by_vips(tagged.get(), format.suffix);
    auto loaded = load(bytes_of(file), format.type, {});
    ASSERT_TRUE(loaded.has_value()) << loaded.error().detail;
    const Blobs before = blobs_of(loaded->get());
    EXPECT_EQ(strange_blobs(loaded->get()), 0);
    EXPECT_EQ(before.count(VIPS_META_ICC_NAME), 1u);
    const auto copied = copy_to_memory(loaded->get(), StopFlag{});
    ASSERT_TRUE(copied.has_value()) << copied.error().detail;
    loaded->reset();
    EXPECT_EQ(blobs_of(copied->get()), before);
  }
}

// For whatever loader comes next.
TEST(Blobs, OfACopyAreNeverSomebodyElses) {
  std::string exif_like(300, 'e');
  const VipsImagePtr picture = tagged_picture(srgb_profile());
  vips_image_set_blob(picture.get(), "some-data", nullptr, exif_like.data(), exif_like.size());
  ASSERT_EQ(strange_blobs(picture.get()), 1);
  VipsImage* turned = nullptr;
  ASSERT_EQ(vips_rot180(picture.get(), &turned, nullptr), 0);
  const VipsImagePtr lazy(turned);
  const auto copied = copy_to_memory(lazy.get(), StopFlag{});
  ASSERT_TRUE(copied.has_value());
  EXPECT_EQ(strange_blobs(copied->get()), 0);
  exif_like.assign(300, 'x');
  EXPECT_EQ(blobs_of(copied->get()).at("some-data"), std::string(300, 'e'));
}

TEST(Blobs, OverTheirLimitAreLeftOut) {
  const struct {
    const char* field;
    std::size_t bytes_max;
  } kCases[] = {{VIPS_META_ICC_NAME, kProfileBytesMax},
                {VIPS_META_EXIF_NAME, kExifBytesMax},
                {VIPS_META_XMP_NAME, kXmpBytesMax},
                {VIPS_META_IPTC_NAME, kIptcBytesMax},
                {"photoshop-data", kOtherBlobBytesMax}};
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.field);
    const VipsImagePtr plain = picture(8, 8, 3), image = own_copy(plain.get());
    set_blob(image.get(), c.field, std::string(c.bytes_max, 'b'));
    drop_large_blobs(image.get(), nullptr);
    EXPECT_EQ(blobs_of(image.get()).count(c.field), 1u);
    set_blob(image.get(), c.field, std::string(c.bytes_max + 1, 'b'));
    drop_large_blobs(image.get(), nullptr);
    EXPECT_EQ(blobs_of(image.get()).count(c.field), 0u);
  }
}

TEST(Blobs, WithoutItsExifAPictureStillKnowsWhereItsTopIs) {
  const VipsImagePtr image = tagged_picture(srgb_profile());
  set_blob(image.get(), VIPS_META_EXIF_NAME, std::string(kExifBytesMax + 1, 'e'));
  vips_image_set_int(image.get(), VIPS_META_ORIENTATION, 6);
  drop_large_blobs(image.get(), nullptr);
  EXPECT_EQ(vips_image_get_typeof(image.get(), "exif-ifd0-Copyright"), 0u);
  EXPECT_EQ(orientation_of(image.get()), 6);
  EXPECT_EQ(blobs_of(image.get()).count(VIPS_META_ICC_NAME), 1u);
}

// A profile of bytes that are all noise: nothing packs it.
std::string large_profile(std::size_t size_bytes) {
  std::string profile = srgb_profile();
  std::uint32_t state = 1;
  while (profile.size() < size_bytes) {
    state = state * 1664525u + 1013904223u;
    profile.push_back(static_cast<char>(state >> 24));
  }
  for (int i = 0; i < 4; ++i) profile[i] = static_cast<char>(size_bytes >> (24 - 8 * i));
  return profile;
}

TEST(Blobs, APictureWithTooLargeAProfileIsLoadedWithoutAndTheLogSaysSo) {
  const VipsImagePtr tagged = tagged_picture(large_profile(kProfileBytesMax + 1));
  for (const Format& format : kFormats) {
    SCOPED_TRACE(format.suffix);
    // libpng itself refuses it, and libvips 8.14 writes no profile of ours into a JXL.
    const bool holds = format.type != ImageType::kPng && format.type != ImageType::kJxl;
    if (!can_save(format.type) || !holds) continue;
    const std::string file = saved_by_vips(tagged.get(), format.suffix);
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const Logger log(LogFormat::kStructured, LogLevel::kDebug, ends[1]);
    const auto image = load(bytes_of(file), format.type, {.log = &log});
    ASSERT_TRUE(image.has_value()) << image.error().detail;
    EXPECT_EQ(vips_image_get_typeof(image->get(), VIPS_META_ICC_NAME), 0u);
    EXPECT_EQ(pixels_of(image->get()).size(), 64u * 48 * 3);
    close(ends[1]);
    std::string said(1000, '\0');
    said.resize(static_cast<std::size_t>(std::max<ssize_t>(0, read(ends[0], said.data(), 1000))));
    close(ends[0]);
    EXPECT_NE(said.find("colour profile of 4194305 bytes left out"), std::string::npos) << said;
  }
}

}  // namespace
}  // namespace imgring::image::test
