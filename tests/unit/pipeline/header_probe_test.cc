// Our own header reader: it agrees with libvips or says nothing.
#include "imgring/format/headers.h"
#include "render_helpers.h"

namespace imgring::pipeline {
namespace {

using namespace testing;
using format::probe_header;
using enum ImageType;

TEST(HeaderProbe, AgreesWithLibvips) {
  const VipsImagePtr picture = quarters(333, 77);
  struct Case {
    ImageType type;
    const char* suffix;
    bool whole;
  };
  for (const Case& c : {Case{kJpeg, ".jpg", false},
                        {kJpeg, ".jpg[interlace]", true},
                        {kWebp, ".webp", false},
                        {kWebp, ".webp[lossless]", false}}) {
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

std::string segment(char marker, const std::string& body) {
  const std::size_t size = body.size() + 2;
  return std::string{'\xFF', marker, static_cast<char>(size >> 8), static_cast<char>(size)} + body;
}
// A frame header: 333 x 77, three components.
std::string frame(char marker) {
  return segment(marker, std::string("\x08\0\x4D\x01\x4D\x03\1\x22\0\2\x11\0\3\x11\0", 15));
}
std::string scan(int components) {
  std::string body(1, static_cast<char>(components));
  for (int i = 1; i <= components; ++i) body += {static_cast<char>(i), '\0'};
  return segment('\xDA', body + std::string("\0\x3F\0", 3));
}

// Sequential, but in a scan for each component, libjpeg keeps all of them as well.
TEST(HeaderProbe, ScansOfSomeComponentsAreAWholeDecode) {
  const std::string start = "\xFF\xD8", tables = segment('\xC4', std::string(20, '\0'));
  struct Case {
    std::string bytes;
    bool whole;
  };
  const Case cases[] = {{start + frame('\xC0') + tables + scan(3), false},
                        {start + frame('\xC0') + tables + scan(1), true},
                        {start + frame('\xC1') + scan(2) + scan(1), true},
                        {start + frame('\xC2') + scan(3), true},
                        {start + frame('\xC0') + tables, false},
                        {start + frame('\xC0') + "\xFF\xDA\xFF\xFF\1", false},
                        {start + frame('\xC0') + "noise" + scan(1), false}};
  for (const Case& c : cases) {
    SCOPED_TRACE(&c - cases);
    const auto facts = probe_header(as_bytes(c.bytes), kJpeg);
    ASSERT_TRUE(facts.has_value());
    EXPECT_EQ(facts->width, 333);
    EXPECT_EQ(facts->whole_decode, c.whole);
  }
  EXPECT_FALSE(probe_header(as_bytes(start + scan(3) + frame('\xC0')), kJpeg).has_value());
}

TEST(HeaderProbe, ReadsExifBehindTheFrameHeaderToo) {
  const std::string exif("Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0", 32);
  const std::string late = "\xFF\xD8" + frame('\xC0') + segment('\xE1', exif) + scan(3);
  ASSERT_TRUE(probe_header(as_bytes(late), kJpeg).has_value());
  EXPECT_EQ(probe_header(as_bytes(late), kJpeg)->orientation, 6);
  const std::string behind = "\xFF\xD8" + frame('\xC0') + scan(3) + segment('\xE1', exif);
  EXPECT_EQ(probe_header(as_bytes(behind), kJpeg)->orientation, 1);
}

TEST(HeaderProbe, TheFirstExifCountsAsInLibvips) {
  const std::string upright("Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\1\0\0\0\0\0\0\0", 32);
  std::string turned = upright;
  turned[24] = 6;
  const std::string bytes =
      "\xFF\xD8" + segment('\xE1', upright) + segment('\xE1', turned) + frame('\xC0') + scan(3);
  ASSERT_TRUE(probe_header(as_bytes(bytes), kJpeg).has_value());
  EXPECT_EQ(probe_header(as_bytes(bytes), kJpeg)->orientation, 1);
}

std::string repeated(const std::string& what, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += what;
  return out;
}

// 256 MiB of these held a loop for 0.1 to 0.4 s.
constexpr int kFew = 1000, kTooMany = 20000;

TEST(HeaderProbe, JpegsOfTooManyStepsAreLeftToLibvips) {
  const std::string start = "\xFF\xD8", rest = frame('\xC0') + scan(3);
  for (const std::string& step :
       {std::string("\xFF"), segment('\xE0', ""), segment('\xE1', "Exif")}) {
    SCOPED_TRACE(step.size());
    EXPECT_TRUE(probe_header(as_bytes(start + repeated(step, kFew) + rest), kJpeg).has_value());
    EXPECT_FALSE(
        probe_header(as_bytes(start + repeated(step, kTooMany) + rest), kJpeg).has_value());
    // What would come behind them counts as well.
    const std::string late = start + frame('\xC0') + repeated(step, kTooMany) + scan(1);
    EXPECT_FALSE(probe_header(as_bytes(late), kJpeg).has_value());
  }
}

TEST(HeaderProbe, WebpsOfTooManyChunksAreLeftToLibvips) {
  const std::string written = encoded(quarters(30, 20).get(), ".webp[lossless,strip]");
  const std::string still = written.substr(0, written.find("EXIF"));  // libvips 8.14 keeps some
  const std::string chunk("JUNK\0\0\0\0", 8);
  const std::string exif("EXIF\x1A\0\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0", 34);
  const std::string fine = still + repeated(chunk, kFew) + exif;
  const auto facts = probe_header(as_bytes(fine), kWebp);
  ASSERT_TRUE(facts.has_value());
  EXPECT_EQ(facts->width, 30);
  EXPECT_EQ(facts->orientation, 6);
  EXPECT_FALSE(probe_header(as_bytes(still + repeated(chunk, kTooMany)), kWebp).has_value());
  EXPECT_FALSE(probe_header(as_bytes(still + exif + repeated(chunk, kTooMany)), kWebp).has_value());
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
    const std::string bytes = encoded(tagged.get(), std::string(facts_of(type).extension).c_str());
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
