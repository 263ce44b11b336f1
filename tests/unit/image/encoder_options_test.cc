// What jpeg_options, png_options, webp_options and avif_options make of the files: markers, tables,
// chunks and pixels.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "../../../src/image/encoders.h"
#include "../../../src/image/jpeg_tables.h"
#include "test_images.h"

namespace imgring::image::test {
namespace {

using config::EncoderOptions;
using config::WebpCompression;

std::string options_written(VipsImage* image, ImageType type, const EncoderOptions& options,
                            int quality = 80) {
  const StopFlag stop;
  const auto bytes = save(image, type, {.quality = quality, .encoders = options}, stop);
  if (bytes) return text_of(*bytes);
  ADD_FAILURE() << bytes.error().detail;
  return {};
}

std::uint8_t byte(const std::string& text, std::size_t at) {
  return at < text.size() ? static_cast<std::uint8_t>(text[at]) : 0;
}

// Where the payload of a JPEG's first segment of this marker begins.
std::optional<std::size_t> segment_at(const std::string& jpeg, int marker) {
  for (std::size_t at = 2; at + 4 < jpeg.size() && byte(jpeg, at) == 0xFF;) {
    if (byte(jpeg, at + 1) == marker) return at + 4;
    at += 2 + byte(jpeg, at + 2) * 256u + byte(jpeg, at + 3);
  }
  return std::nullopt;
}

// The luma's sampling in the frame header, 0x22 or 0x11.
int sampling_of(const std::string& jpeg, int frame) {
  const auto at = segment_at(jpeg, frame);
  return at ? byte(jpeg, *at + 7) : -1;
}

double off_by(VipsImage* a, VipsImage* b) {
  const auto one = pixels_of(a), two = pixels_of(b);
  EXPECT_EQ(one.size(), two.size());
  double most = 0;
  for (std::size_t i = 0; i < std::min(one.size(), two.size()); ++i) {
    most = std::max(most, std::abs(static_cast<double>(one[i]) - static_cast<double>(two[i])));
  }
  return most;
}

TEST(JpegOptions, ProgressiveIsAFrameOfItsOwn) {
  const VipsImagePtr image = picture(120, 90, 3);
  EXPECT_TRUE(segment_at(options_written(image.get(), ImageType::kJpeg, {}), 0xC0).has_value());
  const std::string jpeg =
      options_written(image.get(), ImageType::kJpeg, {.jpeg_progressive = true});
  EXPECT_TRUE(segment_at(jpeg, 0xC2).has_value());
  EXPECT_FALSE(segment_at(jpeg, 0xC0).has_value());
}

TEST(JpegOptions, NoSubsampleKeepsColoursFine) {
  const VipsImagePtr image = picture(120, 90, 3);
  EXPECT_EQ(sampling_of(options_written(image.get(), ImageType::kJpeg, {}), 0xC0), 0x22);
  EXPECT_EQ(sampling_of(options_written(image.get(), ImageType::kJpeg, {}, 90), 0xC0), 0x11);
  const EncoderOptions fine{.jpeg_no_subsample = true};
  EXPECT_EQ(sampling_of(options_written(image.get(), ImageType::kJpeg, fine), 0xC0), 0x11);
  // Where libvips writes it, too.
  const StopFlag stop;
  const auto by_vips = save_by_vips(image.get(), ImageType::kJpeg, {.encoders = fine}, stop);
  ASSERT_TRUE(by_vips.has_value());
  EXPECT_EQ(sampling_of(text_of(*by_vips), 0xC0), 0x11);
}

// In the order a file has them.
constexpr int kZigZag[64] = {0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,
                             12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
                             35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
                             58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

TEST(JpegOptions, QuantTableIsInTheFile) {
  const VipsImagePtr image = picture(64, 64, 3);
  for (int number = 0; number <= kJpegTablesMax; ++number) {
    SCOPED_TRACE(number);
    // At quality 50 the numbers are those of the table.
    const std::string jpeg =
        options_written(image.get(), ImageType::kJpeg, {.jpeg_quant_table = number}, 50);
    const auto at = segment_at(jpeg, 0xDB);
    ASSERT_TRUE(at.has_value());
    const unsigned* luma = jpeg_tables(number).luma;
    for (std::size_t i = 0; i < 64; ++i) {
      const unsigned wanted = std::min(luma[kZigZag[i]], 255U);
      ASSERT_EQ(byte(jpeg, *at + 1 + i), wanted) << i;
    }
    EXPECT_NE(decoded(bytes_of(jpeg)), nullptr);
  }
  // By the sums of ITU-T T.81, tables K.1 and K.2.
  unsigned light = 0, colours = 0;
  for (int i = 0; i < 64; ++i) {
    light += jpeg_tables(0).luma[i];
    colours += jpeg_tables(0).chroma[i];
  }
  EXPECT_EQ(light, 3688U);
  EXPECT_EQ(colours, 5505U);
}

std::string chunk_names(const std::string& webp) {
  std::string names;
  for (std::size_t at = 12; at + 8 <= webp.size();) {
    names += webp.substr(at, 4) + " ";
    std::uint32_t size = 0;
    std::memcpy(&size, webp.data() + at + 4, 4);
    at += 8 + size + size % 2;
  }
  return names;
}

TEST(WebpOptions, LosslessKeepsEveryPixel) {
  for (const int bands : {1, 2, 3, 4}) {
    SCOPED_TRACE(bands);
    const VipsImagePtr image = picture(101, 67, bands);
    const std::string webp = options_written(image.get(), ImageType::kWebp,
                                             {.webp_compression = WebpCompression::kLossless});
    EXPECT_NE(chunk_names(webp).find("VP8L"), std::string::npos);
    auto want = to_8bit_rgb(image.get(), true);
    ASSERT_TRUE(want.has_value());
    const VipsImagePtr back = decoded(bytes_of(webp));
    if (bands % 2 != 0) {
      EXPECT_EQ(off_by(back.get(), want->get()), 0);
    }
    EXPECT_EQ(vips_image_get_bands(back.get()), bands % 2 == 0 ? 4 : 3);
  }
}

TEST(WebpOptions, NearLosslessIsBetween) {
  const VipsImagePtr image = picture(160, 120, 3);
  const auto with = [&](WebpCompression compression, int quality) {
    return options_written(image.get(), ImageType::kWebp, {.webp_compression = compression},
                           quality);
  };
  const std::string near = with(WebpCompression::kNearLossless, 40);
  EXPECT_NE(chunk_names(near).find("VP8L"), std::string::npos);
  const double off = off_by(decoded(bytes_of(near)).get(), image.get());
  EXPECT_GT(off, 0);
  EXPECT_LE(off, 16) << "four bits at most";
  EXPECT_EQ(off_by(decoded(bytes_of(with(WebpCompression::kNearLossless, 100))).get(), image.get()),
            0);
  EXPECT_EQ(chunk_names(with(WebpCompression::kLossy, 40)).find("VP8L"), std::string::npos);
}

TEST(WebpOptions, OfAnAnimationAreThoseOfLibvips) {
  VipsImagePtr image = picture(40, 60, 3);
  vips_image_set_int(image.get(), VIPS_META_PAGE_HEIGHT, 30);
  const int delays[] = {100, 100};
  vips_image_set_array_int(image.get(), "delay", delays, 2);
  vips_image_set_int(image.get(), "loop", 0);
  const std::string lossless = options_written(image.get(), ImageType::kWebp,
                                               {.webp_compression = WebpCompression::kLossless});
  EXPECT_NE(lossless.find("VP8L"), std::string::npos);
  EXPECT_EQ(options_written(image.get(), ImageType::kWebp, {}).find("VP8L"), std::string::npos);
  const std::string near = options_written(image.get(), ImageType::kWebp,
                                           {.webp_compression = WebpCompression::kNearLossless});
  EXPECT_NE(near.find("VP8L"), std::string::npos);
}

// Red beside blue: averaged colours bleed.
TEST(WebpOptions, SmartSubsampleKeepsEdges) {
  VipsImagePtr image = picture(64, 64, 3);
  VipsImage* own = vips_image_new_memory();
  ASSERT_EQ(vips_image_write(image.get(), own), 0);
  const VipsImagePtr striped(own);
  auto* p = static_cast<std::uint8_t*>(const_cast<void*>(vips_image_get_data(own)));
  for (int i = 0; i < 64 * 64; ++i, p += 3) {
    const bool red = i % 64 % 2 == 0;
    p[0] = red ? 255 : 0, p[1] = 0, p[2] = red ? 0 : 255;
  }
  const auto error = [&](bool smart) {
    const std::string webp =
        options_written(own, ImageType::kWebp, {.webp_smart_subsample = smart}, 95);
    const auto back = pixels_of(decoded(bytes_of(webp)).get()), want = pixels_of(own);
    double sum = 0;
    for (std::size_t i = 0; i < want.size(); ++i) sum += std::abs(want[i] - back[i]);
    return sum;
  };
  EXPECT_LT(error(true), error(false) * 0.99);
}

TEST(WebpOptions, PresetsDiffer) {
  const VipsImagePtr image = picture(160, 120, 3);
  const EncoderOptions drawing{.webp_preset = config::WebpPreset::kDrawing};
  EXPECT_NE(options_written(image.get(), ImageType::kWebp, drawing),
            options_written(image.get(), ImageType::kWebp, {}));
}

TEST(AvifOptions, SubsampleIsInTheCodecsConfiguration) {
  if (!can_save(ImageType::kAvif)) GTEST_SKIP() << "no encoder of AVIF";
  const VipsImagePtr image = picture(64, 48, 3);
  // av1C: marker, profile and level, then bits: tier, depth 2, grey, sub x, sub y.
  const auto subsampled = [&](config::AvifSubsample mode, int quality) {
    const std::string avif =
        options_written(image.get(), ImageType::kAvif, {.avif_subsample = mode}, quality);
    const std::size_t at = avif.find("av1C");
    EXPECT_NE(at, std::string::npos);
    return (byte(avif, at + 6) & 0x0C) == 0x0C;
  };
  using enum config::AvifSubsample;
  EXPECT_TRUE(subsampled(kAuto, 60));
  EXPECT_FALSE(subsampled(kAuto, 95));
  EXPECT_TRUE(subsampled(kOn, 95));
  EXPECT_FALSE(subsampled(kOff, 60));
}

}  // namespace
}  // namespace imgring::image::test
