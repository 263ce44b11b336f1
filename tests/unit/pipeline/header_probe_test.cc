// Our own header reader: it agrees with libvips or says nothing.
#include "../../../src/pipeline/load.h"
#include "render_helpers.h"

namespace imgring::pipeline {
namespace {

using namespace testing;
using enum ImageType;

TEST(HeaderProbe, AgreesWithLibvips) {
  const VipsImagePtr picture = quarters(333, 77);
  struct Case {
    ImageType type;
    const char* suffix;
    bool whole;
  };
  for (const Case& c : {Case{kJpeg, ".jpg", false}, {kJpeg, ".jpg[interlace]", true},
                        {kWebp, ".webp", false}, {kWebp, ".webp[lossless]", false}}) {
    SCOPED_TRACE(c.suffix);
    const std::string bytes = encoded(picture.get(), c.suffix);
    const auto facts = probe_header(as_bytes(bytes), c.type);
    ASSERT_TRUE(facts.has_value());
    EXPECT_EQ(facts->width, 333);
    EXPECT_EQ(facts->height, 77);
    EXPECT_EQ(facts->orientation, 1);
    EXPECT_EQ(facts->whole_decode, c.whole);
  }
}

TEST(HeaderProbe, CountsTheSamplesOfAPixel) {
  const VipsImagePtr picture = quarters(333, 77);
  struct Case {
    const char* suffix;
    double samples;
  };
  for (const Case& c : {Case{".jpg[subsample_mode=on]", 1.5}, {".jpg[subsample_mode=off]", 3}}) {
    SCOPED_TRACE(c.suffix);
    const std::string bytes = encoded(picture.get(), c.suffix);
    const auto facts = probe_header(as_bytes(bytes), kJpeg);
    ASSERT_TRUE(facts.has_value());
    EXPECT_DOUBLE_EQ(facts->samples_per_pixel, c.samples);
  }
}

TEST(HeaderProbe, ReadsExifOrientation) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    VipsImage* own = nullptr;
    vips_copy(quarters(30, 20).get(), &own, nullptr);
    const VipsImagePtr tagged = checked(own);
    vips_image_set_int(tagged.get(), "orientation", orientation);
    const std::string bytes = encoded(tagged.get(), ".jpg");
    const auto facts = probe_header(as_bytes(bytes), kJpeg);
    ASSERT_TRUE(facts.has_value());
    EXPECT_EQ(facts->orientation, orientation);
  }
}

TEST(HeaderProbe, EveryCutAndFlippedByteIsSurvived) {
  VipsImage* own = nullptr;
  vips_copy(quarters(30, 20).get(), &own, nullptr);
  const VipsImagePtr tagged = checked(own);
  vips_image_set_int(tagged.get(), "orientation", 6);
  for (const ImageType type : {kJpeg, kWebp}) {
    const std::string bytes =
        encoded(tagged.get(), std::string(facts_of(type).extension).c_str());
    const std::size_t head = std::min<std::size_t>(bytes.size(), 700);
    for (std::size_t i = 0; i < head; ++i) {
      (void)probe_header(as_bytes(bytes).subspan(0, i), type);
      for (const char value : {'\0', '\x7f', '\xff'}) {
        std::string broken = bytes;
        broken[i] = value;
        (void)probe_header(as_bytes(broken), type);
      }
    }
  }
}

}  // namespace
}  // namespace imgring::pipeline
