// AVIF written through libheif beside the libvips saver: as near to the picture, and no larger.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "imgring/image/encoder.h"
#include "test_images.h"

namespace imgring::image::test {
namespace {

constexpr int kQuality = 63;

std::string saved_avif(VipsImage* image, const SaveParams& params) {
  const auto bytes = save(image, ImageType::kAvif, params, StopFlag());
  if (!bytes) {
    ADD_FAILURE() << bytes.error().detail;
    return {};
  }
  return text_of(*bytes);
}

std::vector<std::uint8_t> colour_of(VipsImage* image) {
  VipsImage* coloured = nullptr;
  EXPECT_EQ(vips_colourspace(image, &coloured, VIPS_INTERPRETATION_sRGB, nullptr), 0);
  const VipsImagePtr held(coloured);
  return pixels_of(coloured);
}

// Mean square of the distance to the picture.
double error_of(const std::string& file, VipsImage* image) {
  const std::vector<std::uint8_t> wanted = colour_of(image);
  const std::vector<std::uint8_t> got = pixels_of(decoded(bytes_of(file)).get());
  EXPECT_EQ(got.size(), wanted.size());
  double sum = 0;
  for (std::size_t i = 0; i < std::min(got.size(), wanted.size()); ++i) {
    const double d = got[i] - wanted[i];
    sum += d * d;
  }
  return sum / static_cast<double>(wanted.size());
}

// Of the av1C box: whether chroma has half the columns.
bool coarse_chroma(const std::string& file) {
  const std::size_t at = file.find("av1C");
  if (at == std::string::npos) ADD_FAILURE() << "no av1C";
  return at != std::string::npos && (static_cast<unsigned char>(file[at + 6]) & 0x08) != 0;
}

class HeifEncoder : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_save(ImageType::kAvif)) GTEST_SKIP() << "no AVIF encoder here";
  }
};

TEST_F(HeifEncoder, IsAsNearAndNoLargerThanTheSaver) {
  const struct {
    int width, height, bands;
  } kCases[] = {{500, 333, 3}, {501, 333, 4}, {301, 201, 1}, {300, 200, 2}, {16, 16, 3}};
  for (const auto& c : kCases) {
    SCOPED_TRACE(std::to_string(c.width) + " " + std::to_string(c.bands));
    const VipsImagePtr image = picture(c.width, c.height, c.bands);
    const std::string ours = saved_avif(image.get(), {.quality = kQuality});
    const std::string theirs = saved_by_vips(image.get(), ".avif[Q=63,effort=1]");
    // These pictures are all edges, which libaom's modes of prediction are for: photographs lose
    // nothing.
    EXPECT_LE(error_of(ours, image.get()), 1.3 * error_of(theirs, image.get()) + 4);
    EXPECT_LE(ours.size(), theirs.size() * 116 / 100 + 64);
  }
}

TEST_F(HeifEncoder, FollowsQualityAndSpeed) {
  const VipsImagePtr image = picture(300, 200, 3);
  EXPECT_LT(saved_avif(image.get(), {.quality = 30}).size(),
            saved_avif(image.get(), {.quality = 70}).size());
  config::ProcessingConfig config;
  std::string before;
  for (const int speed : {9, 8, 5}) {
    config.avif_speed = speed;
    const std::string file = saved_avif(image.get(), {.quality = kQuality, .config = &config});
    EXPECT_NE(file, before) << speed;
    EXPECT_LT(error_of(file, image.get()), 200) << speed;
    before = file;
  }
}

TEST_F(HeifEncoder, ChromaIsFullWhereItIsWanted) {
  const VipsImagePtr image = picture(64, 64, 3);
  config::EncoderOptions options;
  EXPECT_TRUE(coarse_chroma(saved_avif(image.get(), {.quality = 89, .encoders = options})));
  EXPECT_FALSE(coarse_chroma(saved_avif(image.get(), {.quality = 90, .encoders = options})));
  options.avif_subsample = config::AvifSubsample::kOff;
  EXPECT_FALSE(coarse_chroma(saved_avif(image.get(), {.quality = 50, .encoders = options})));
  options.avif_subsample = config::AvifSubsample::kOn;
  EXPECT_TRUE(coarse_chroma(saved_avif(image.get(), {.quality = 95, .encoders = options})));
}

TEST_F(HeifEncoder, KeepsProfileXmpAndCopyright) {
  const VipsImagePtr image = picture(64, 48, 3);
  const std::string profile = srgb_profile(), xmp = "<x:xmpmeta>rights</x:xmpmeta>";
  vips_image_set_blob_copy(image.get(), VIPS_META_ICC_NAME, profile.data(), profile.size());
  vips_image_set_blob_copy(image.get(), VIPS_META_XMP_NAME, xmp.data(), xmp.size());
  vips_image_set_string(image.get(), "exif-ifd0-Copyright",
                        "Me (Me, ASCII, 3 components, 3 bytes)");
  const std::string file = saved_avif(image.get(), {.quality = kQuality});
  const VipsImagePtr back = decoded(bytes_of(file));
  const void* data = nullptr;
  std::size_t size = 0;
  ASSERT_EQ(vips_image_get_blob(back.get(), VIPS_META_ICC_NAME, &data, &size), 0);
  EXPECT_EQ(std::string(static_cast<const char*>(data), size), profile);
  ASSERT_EQ(vips_image_get_blob(back.get(), VIPS_META_XMP_NAME, &data, &size), 0);
  EXPECT_EQ(std::string(static_cast<const char*>(data), size), xmp);
  const char* text = nullptr;
  ASSERT_EQ(vips_image_get_string(back.get(), "exif-ifd0-Copyright", &text), 0);
  EXPECT_TRUE(std::string_view(text).starts_with("Me")) << text;
}

// EXIF that only libvips writes, and what it converts.
TEST_F(HeifEncoder, LeavesTheRestToLibvips) {
  const VipsImagePtr image = picture(64, 48, 3);
  vips_image_set_string(image.get(), "exif-ifd0-Make",
                        "Maker (Maker, ASCII, 6 components, 6 bytes)");
  const VipsImagePtr back = decoded(bytes_of(saved_avif(image.get(), {.quality = kQuality})));
  const char* text = nullptr;
  ASSERT_EQ(vips_image_get_string(back.get(), "exif-ifd0-Make", &text), 0);
  EXPECT_TRUE(std::string_view(text).starts_with("Maker")) << text;
  EXPECT_FALSE(saved_avif(cmyk_picture(64, 48).get(), {.quality = kQuality}).empty());
}

}  // namespace
}  // namespace imgring::image::test
