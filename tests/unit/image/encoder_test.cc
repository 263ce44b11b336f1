// Pull encoders against the libvips savers, and what save() refuses.
#include "imgring/image/encoder.h"

#include <gtest/gtest.h>

#include "imgring/image/colour.h"
#include "imgring/image/loader.h"
#include "test_images.h"

namespace imgring::image::test {
namespace {

using config::EncoderOptions;

VipsImagePtr with_field(VipsImagePtr image, const char* field, const std::string& bytes) {
  vips_image_set_blob_copy(image.get(), field, bytes.data(), bytes.size());
  return image;
}

std::string saved(VipsImage* image, ImageType type, int quality, const EncoderOptions& options) {
  const StopFlag stop;
  const SaveParams params{.quality = quality, .encoders = options};
  const auto bytes = save(image, type, params, stop);
  if (!bytes) {
    ADD_FAILURE() << bytes.error().detail;
    return {};
  }
  return text_of(*bytes);
}

// Byte for byte with the libvips the encoders were written against; with later ones, which may use
// another PNG library or chunk order, the same pixels.
void expect_same_file(const std::string& ours, const std::string& theirs) {
  if (vips_version(0) == 8 && vips_version(1) == 14) {
    EXPECT_TRUE(ours == theirs) << "bytes differ";
    return;
  }
  EXPECT_EQ(pixels_of(decoded(bytes_of(ours)).get()), pixels_of(decoded(bytes_of(theirs)).get()));
}

struct EqualCase {
  const char* name;
  ImageType type;
  int bands, width, height, quality;
  const char* suffix;  // the libvips saver that must give the same bytes
};

// These encoders exist to give the saver's bytes without its threads; PNG has a writer of its own
// (png_encoder_test.cc).
constexpr EqualCase kEqualCases[] = {
    {"jpeg 4:2:0", ImageType::kJpeg, 3, 301, 203, 80, ".jpg[Q=80,optimize_coding]"},
    {"jpeg 4:4:4 from 90", ImageType::kJpeg, 3, 301, 203, 90, ".jpg[Q=90,optimize_coding]"},
    {"jpeg one strip", ImageType::kJpeg, 3, 33, 5, 80, ".jpg[Q=80,optimize_coding]"},
    {"jpeg grey", ImageType::kJpeg, 1, 64, 64, 80, ".jpg[Q=80,optimize_coding]"},
    {"webp rgb", ImageType::kWebp, 3, 301, 203, 79, ".webp[Q=79,effort=4]"},
    {"webp rgba", ImageType::kWebp, 4, 301, 203, 79, ".webp[Q=79,effort=4]"},
    {"webp grey", ImageType::kWebp, 1, 40, 17, 79, ".webp[Q=79,effort=4]"},
    {"webp grey alpha", ImageType::kWebp, 2, 40, 17, 79, ".webp[Q=79,effort=4]"},
};

TEST(Encoder, PulledBytesEqualTheSaversBytes) {
  const EncoderOptions config;
  for (const EqualCase& c : kEqualCases) {
    SCOPED_TRACE(c.name);
    const VipsImagePtr image = picture(c.width, c.height, c.bands);
    const std::string ours = saved(image.get(), c.type, c.quality, config);
    expect_same_file(ours, saved_by_vips(image.get(), c.suffix));
  }
}

TEST(Encoder, PulledBytesEqualTheSaversBytesWithProfile) {
  const EncoderOptions config;
  for (const EqualCase& c : kEqualCases) {
    SCOPED_TRACE(c.name);
    const VipsImagePtr image =
        with_field(picture(c.width, c.height, c.bands), VIPS_META_ICC_NAME, srgb_profile());
    const std::string ours = saved(image.get(), c.type, c.quality, config);
    expect_same_file(ours, saved_by_vips(image.get(), c.suffix));
  }
}

TEST(Encoder, ProgressiveAndInterlacedFollowTheOptions) {
  EncoderOptions config;
  config.jpeg_progressive = true;
  config.png_interlaced = true;
  const VipsImagePtr image = picture(120, 90, 3);
  expect_same_file(saved(image.get(), ImageType::kJpeg, 80, config),
                   saved_by_vips(image.get(), ".jpg[Q=80,optimize_coding,interlace]"));
  expect_same_file(saved(image.get(), ImageType::kPng, 80, config),
                   saved_by_vips(image.get(), ".png[filter=all,interlace]"));
}

TEST(Encoder, CmykJpegEqualsTheSavers) {
  const VipsImagePtr image = cmyk_picture(90, 60);
  expect_same_file(saved(image.get(), ImageType::kJpeg, 80, {}),
                   saved_by_vips(image.get(), ".jpg[Q=80,optimize_coding]"));
}

TEST(Encoder, CopyrightTextsGoIntoTheExifBlock) {
  VipsImagePtr image = picture(60, 40, 3);
  vips_image_set_string(image.get(), "exif-ifd0-Copyright",
                        "Me (and you) (Me (and you), ASCII, 13 components, 13 bytes)");
  const std::string jpeg = saved(image.get(), ImageType::kJpeg, 80, {});
  const VipsImagePtr back = decoded(bytes_of(jpeg));
  const char* text = nullptr;
  ASSERT_EQ(vips_image_get_string(back.get(), "exif-ifd0-Copyright", &text), 0);
  // libexif before 0.6.25 prints no blank for the final NUL.
  EXPECT_TRUE(replace_all(text, "  (", " (").starts_with("Me (and you) (")) << text;
}

TEST(Encoder, LargeProfilesAreSplitOverSegments) {
  std::string profile = srgb_profile();
  profile.resize(150'000, 'x');
  const VipsImagePtr image = with_field(picture(60, 40, 3), VIPS_META_ICC_NAME, profile);
  expect_same_file(saved(image.get(), ImageType::kJpeg, 80, {}),
                   saved_by_vips(image.get(), ".jpg[Q=80,optimize_coding]"));
}

// Newer libpng ends the file at them.
TEST(Encoder, PngHasNoProfileOfAnotherLengthThanItSays) {
  const std::string whole = srgb_profile();
  std::string long_one = whole + std::string(4, '\0'), v4 = whole + 'x';
  v4[8] = 4;
  v4[2] = static_cast<char>(v4.size() >> 8);
  v4[3] = static_cast<char>(v4.size());
  const struct {
    std::string profile;
    bool kept;
  } kCases[] = {{whole, true}, {long_one, false}, {whole.substr(0, 131), false}, {v4, false}};
  for (const auto& c : kCases) {
    for (const int palette : {0, 4}) {  // by our encoder, by libvips
      SCOPED_TRACE(std::to_string(c.profile.size()) + " " + std::to_string(palette));
      const VipsImagePtr image = with_field(picture(40, 30, 3), VIPS_META_ICC_NAME, c.profile);
      if (palette > 0) vips_image_set_int(image.get(), "palette-bit-depth", palette);
      const std::string png = saved(image.get(), ImageType::kPng, 80, {});
      EXPECT_EQ(png.find("iCCP") != std::string::npos, c.kept);
      EXPECT_EQ(vips_image_get_width(decoded(bytes_of(png)).get()), 40);
    }
    EXPECT_GT(saved(with_field(picture(40, 30, 3), VIPS_META_ICC_NAME, c.profile).get(),
                    ImageType::kIco, 80, {})
                  .size(),
              100u);
  }
}

TEST(Encoder, AStopBeforeTheFirstStripIsReported) {
  const struct {
    StopReason reason;
    ErrorCode code;
  } kCases[] = {{StopReason::kTimeout, ErrorCode::kTimeout},
                {StopReason::kClientGone, ErrorCode::kCancelled},
                {StopReason::kShutdown, ErrorCode::kCancelled}};
  for (const auto& c : kCases) {
    for (const ImageType type :
         {ImageType::kJpeg, ImageType::kPng, ImageType::kWebp, ImageType::kGif, ImageType::kTiff,
          ImageType::kBmp, ImageType::kIco}) {
      SCOPED_TRACE(facts_of(type).name);
      // A crop is no memory image: its pixels must be pulled.
      const VipsImagePtr whole = picture(64, 64, 3);
      VipsImage* part = nullptr;
      ASSERT_EQ(vips_crop(whole.get(), &part, 1, 1, 40, 40, nullptr), 0);
      const VipsImagePtr image(part);
      StopFlag stop;
      stop.stop(c.reason);
      const auto result = save(image.get(), type, SaveParams{}, stop);
      ASSERT_FALSE(result.has_value());
      EXPECT_EQ(result.error().code, c.code);
    }
  }
}

// The file had grown by its metadata: the buffer that it began in was freed twice.
TEST(Encoder, AStopBehindALargeProfileFreesOnce) {
  const StopFlag never;
  std::string profile = srgb_profile();
  profile.resize(150'000, 'x');
  for (const ImageType type : {ImageType::kJpeg, ImageType::kPng, ImageType::kWebp}) {
    SCOPED_TRACE(facts_of(type).name);
    const VipsImagePtr whole = with_field(picture(64, 64, 3), VIPS_META_ICC_NAME, profile);
    VipsImage* part = nullptr;
    ASSERT_EQ(vips_crop(whole.get(), &part, 1, 1, 40, 40, nullptr), 0);
    const VipsImagePtr image(part);
    StopFlag stop;
    stop.stop(StopReason::kClientGone);
    EXPECT_FALSE(save(image.get(), type, SaveParams{}, stop).has_value());
    EXPECT_TRUE(save(whole.get(), type, SaveParams{}, never).has_value());
  }
}

// A film of 30 frames was quantised for 7 s after its client had its answer.
TEST(Encoder, AStopEndsASaverOfLibvipsBetweenTwoStrips) {
  const VipsImagePtr image = picture(64, 4096, 3);  // in memory: nothing is pulled before
  for (const ImageType type : {ImageType::kGif, ImageType::kTiff}) {
    SCOPED_TRACE(facts_of(type).name);
    StopFlag stop;
    stop.stop(StopReason::kTimeout);
    const auto result = save(image.get(), type, SaveParams{}, stop);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::kTimeout);
  }
}

TEST(Encoder, TooWideForJpegIsABrokenImage) {
  const VipsImagePtr image = picture(65501, 1, 1);
  const auto result = save(image.get(), ImageType::kJpeg, SaveParams{}, StopFlag{});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kBrokenImage);
}

TEST(Encoder, SvgAndUnknownAreNeverSaved) {
  const VipsImagePtr image = picture(8, 8, 3);
  for (const ImageType type : {ImageType::kSvg, ImageType::kUnknown}) {
    EXPECT_FALSE(can_save(type));
    const auto result = save(image.get(), type, SaveParams{}, StopFlag{});
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::kResultUnsupported);
  }
}

TEST(Encoder, EveryOtherFormatComesBackWithItsSize) {
  for (int t = 1; t < kImageTypeCount; ++t) {
    const auto type = static_cast<ImageType>(t);
    if (type == ImageType::kSvg || !can_save(type)) continue;
    for (const int bands : {1, 2, 3, 4}) {
      SCOPED_TRACE(std::string(facts_of(type).name) + " " + std::to_string(bands));
      if (!facts_of(type).alpha && bands % 2 == 0) continue;
      const VipsImagePtr image = picture(96, 64, bands);
      const std::string bytes = saved(image.get(), type, 80, {});
      ASSERT_TRUE(has_loader(type));
      const auto back = load(bytes_of(bytes), type, LoadParams{});
      ASSERT_TRUE(back.has_value()) << back.error().detail;
      EXPECT_EQ(vips_image_get_width(back->get()), 96);
      EXPECT_EQ(vips_image_get_height(back->get()), 64);
      EXPECT_FALSE(pixels_of(back->get()).empty());
    }
  }
}

// 10 bits would end the process in the AV1 encoder of Debian 12.
TEST(Encoder, AvifHasEightOrTwelveBits) {
  if (!can_save(ImageType::kAvif)) GTEST_SKIP() << "no AVIF encoder here";
  const std::pair<VipsImagePtr, int> cases[] = {{picture(32, 32, 3), 8},
                                                {picture16(32, 32, 3), 12}};
  for (const auto& [image, bits] : cases) {
    const auto bytes = save(image.get(), ImageType::kAvif, SaveParams{}, StopFlag{});
    ASSERT_TRUE(bytes.has_value()) << bytes.error().detail;
    const VipsImagePtr read = decoded(bytes->span());
    int depth = 0;
    ASSERT_EQ(vips_image_get_int(read.get(), "heif-bitdepth", &depth), 0);
    EXPECT_EQ(depth, bits);
  }
}

TEST(Encoder, PaletteSourcesGivePalettePng) {
  const struct {
    int depth, bits;
  } kCases[] = {{1, 1}, {2, 2}, {3, 4}, {4, 4}, {5, 8}, {8, 8}};
  for (const auto& c : kCases) {
    VipsImagePtr image = picture(40, 30, 3);
    vips_image_set_int(image.get(), "palette-bit-depth", c.depth);
    const std::string png = saved(image.get(), ImageType::kPng, 80, {});
    ASSERT_GT(png.size(), 26u);
    EXPECT_EQ(static_cast<int>(png[24]), c.bits) << c.depth;
    EXPECT_EQ(static_cast<int>(png[25]), 3) << c.depth;  // colour type: palette
  }
}

TEST(Encoder, QuantizeMakesThePaletteThatHoldsTheColours) {
  const struct {
    int colours, bits;
  } kCases[] = {{2, 1}, {3, 2}, {4, 2}, {5, 4}, {16, 4}, {17, 8}, {256, 8}};
  for (const auto& c : kCases) {
    EncoderOptions config;
    config.png_quantize = true;
    config.png_quantization_colors = c.colours;
    const VipsImagePtr image = picture(40, 30, 3);
    const std::string png = saved(image.get(), ImageType::kPng, 80, config);
    ASSERT_GT(png.size(), 26u);
    EXPECT_EQ(static_cast<int>(png[24]), c.bits) << c.colours;
  }
}

TEST(Encoder, IconHasOneEntryWithAPngInside) {
  const VipsImagePtr image = picture(256, 100, 4);
  const std::string ico = saved(image.get(), ImageType::kIco, 80, {});
  ASSERT_GT(ico.size(), 30u);
  EXPECT_EQ(ico.substr(0, 10), std::string("\0\0\1\0\1\0\0\x64\0\0", 10));
  EXPECT_EQ(ico[12], 32);
  EXPECT_EQ(ico.substr(22, 8), "\x89PNG\r\n\x1a\n");
}

TEST(Encoder, IconKeepsXmpAndHasNoPalette) {
  const VipsImagePtr image =
      with_field(picture(20, 10, 3), VIPS_META_XMP_NAME, "<x:xmpmeta>rights</x:xmpmeta>");
  vips_image_set_int(image.get(), "palette-bit-depth", 4);
  const std::string ico = saved(image.get(), ImageType::kIco, 80, {});
  EXPECT_NE(ico.find("XML:com.adobe.xmp"), std::string::npos);
  ASSERT_GT(ico.size(), 22u + 26u);
  EXPECT_EQ(ico[22 + 25], 2) << "colour type of the PNG: plain colour";
}

TEST(Encoder, IconAbove256IsRefused) {
  const VipsImagePtr image = picture(257, 10, 3);
  EXPECT_FALSE(save(image.get(), ImageType::kIco, SaveParams{}, StopFlag{}).has_value());
}

TEST(Encoder, BmpHasAVersion5HeaderAndRowsFromTheTop) {
  const VipsImagePtr image = picture(5, 3, 3);
  const std::string bmp = saved(image.get(), ImageType::kBmp, 80, {});
  ASSERT_EQ(bmp.size(), 14u + 124u + 16u * 3u);  // 15 bytes a row, padded to 16
  EXPECT_EQ(bmp.substr(0, 2), "BM");
  EXPECT_EQ(bmp[14], 124);
  EXPECT_EQ(bmp.substr(22, 4), std::string("\xFD\xFF\xFF\xFF", 4));  // -3
  EXPECT_EQ(bmp.substr(70, 4), "BGRs");
  const auto back = load(bytes_of(bmp), ImageType::kBmp, LoadParams{});
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(pixels_of(back->get()), pixels_of(image.get()));
}

TEST(Encoder, CopyToMemoryKeepsPixelsAndFields) {
  const VipsImagePtr whole = picture(70, 50, 4);
  VipsImage* part = nullptr;
  ASSERT_EQ(vips_crop(whole.get(), &part, 3, 4, 33, 37, nullptr), 0);
  const VipsImagePtr image(part);
  vips_image_set_int(image.get(), "palette-bit-depth", 4);
  const auto memory = copy_to_memory(image.get(), StopFlag{});
  ASSERT_TRUE(memory.has_value());
  EXPECT_EQ(pixels_of(memory->get()), pixels_of(image.get()));
  int depth = 0;
  EXPECT_EQ(vips_image_get_int(memory->get(), "palette-bit-depth", &depth), 0);
  EXPECT_EQ(depth, 4);
  EXPECT_EQ(vips_image_get_interpretation(memory->get()), VIPS_INTERPRETATION_sRGB);
}

}  // namespace
}  // namespace imgring::image::test
