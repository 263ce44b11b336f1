// Tests of src/info/blocks.cc: where metadata stands, and how much of a file is needed.
#include "imgring/info/blocks.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

namespace imgring::info {
namespace {

using namespace std::string_literals;

std::string big(std::uint32_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i));
  return out;
}
std::string little(std::uint32_t value, int bytes) {
  const std::string out = big(value, bytes);
  return {out.rbegin(), out.rend()};
}

std::string segment(int marker, std::string_view body) {
  return "\xFF"s + static_cast<char>(marker) + big(static_cast<std::uint32_t>(body.size() + 2), 2) +
         std::string(body);
}
// 7 x 5.
const std::string kFrame = segment(0xC0, "\x08\0\x05\0\x07\x01\x01\x11\0"s);
const std::string kScan = segment(0xDA, "\x01\x01\0\0\x3F\0"s);

std::string chunk(std::string_view name, std::string_view body) {
  return big(static_cast<std::uint32_t>(body.size()), 4) + std::string(name) + std::string(body) +
         "crc.";
}
const std::string kPngHead =
    "\x89PNG\r\n\x1a\n" + chunk("IHDR", big(7, 4) + big(5, 4) + "\x08\x02\0\0\0"s);

std::string riff(std::string_view name, std::string_view body) {
  std::string out(name);
  out += little(static_cast<std::uint32_t>(body.size()), 4);
  out += body;
  if (body.size() % 2 != 0) out += '\0';
  return out;
}
std::string webp(std::string_view chunks) {
  return "RIFF" + little(static_cast<std::uint32_t>(chunks.size() + 4), 4) + "WEBP" +
         std::string(chunks);
}
std::string extended(int flags) {
  return riff("VP8X", static_cast<char>(flags) + "\0\0\0\x06\0\0\x04\0\0"s);
}

bool tells(std::string_view file, ImageType type, const url::InfoOptions& wanted = {}) {
  return header_tells(as_bytes(file), type, wanted);
}
// The number of bytes that tell; the file is shorter than all of it.
std::size_t needed(const std::string& file, ImageType type, const url::InfoOptions& wanted = {}) {
  std::size_t size = 0;
  while (size <= file.size() && !tells(file.substr(0, size), type, wanted)) ++size;
  return size;
}

TEST(Blocks, OfJpeg) {
  const std::string file = "\xFF\xD8" + segment(0xE1, "Exif\0\0first"s) +
                           segment(0xE1, "http://ns.adobe.com/xap/1.0/\0<x/>"s) +
                           segment(0xED, "Photoshop 3.0\0one"s) + segment(0xE1, "Exif\0\0more"s) +
                           segment(0xED, "Photoshop 3.0\0two"s) + kFrame + kScan +
                           segment(0xE1, "behind");
  const MetadataBlocks blocks = metadata_blocks(as_bytes(file), ImageType::kJpeg);
  EXPECT_EQ(blocks.exif, "Exif\0\0first"s);
  EXPECT_EQ(blocks.xmp, "<x/>");
  EXPECT_EQ(blocks.photoshop, "onetwo");
}

TEST(Blocks, OfPng) {
  const std::string xmp = "XML:com.adobe.xmp\0\0\0en\0title\0<x/>"s;
  const MetadataBlocks blocks =
      metadata_blocks(as_bytes(kPngHead + chunk("eXIf", "MM") + chunk("iTXt", "Other\0\0\0\0\0x"s) +
                               chunk("iTXt", xmp) + chunk("IDAT", "")),
                      ImageType::kPng);
  EXPECT_EQ(blocks.exif, "MM");
  EXPECT_EQ(blocks.xmp, "<x/>");
}

std::string deflated(const std::string& text) {
  std::string out(compressBound(text.size()), '\0');
  auto size = static_cast<uLongf>(out.size());
  EXPECT_EQ(compress(reinterpret_cast<Bytef*>(out.data()), &size,
                     reinterpret_cast<const Bytef*>(text.data()), text.size()),
            Z_OK);
  out.resize(size);
  return out;
}

TEST(Blocks, OfPngPackedUpToTheLimit) {
  const auto xmp_of = [](std::size_t size) {
    const std::string chunk_text =
        "XML:com.adobe.xmp\0\x01\0\0\0"s + deflated(std::string(size, 'x'));
    return metadata_blocks(as_bytes(kPngHead + chunk("iTXt", chunk_text)), ImageType::kPng).xmp;
  };
  EXPECT_EQ(xmp_of(5), "xxxxx");
  EXPECT_EQ(xmp_of(kXmpBlockBytesMax).size(), kXmpBlockBytesMax);
  EXPECT_EQ(xmp_of(kXmpBlockBytesMax + 1), "");
  EXPECT_EQ(xmp_of(100 << 20), "");
}

// Each may unpack to the limit, and a file may have thousands.
TEST(Blocks, OfPngTheFirstXmpCountsGoodOrNot) {
  const std::string broken = "XML:com.adobe.xmp\0\1\0\0\0nothing packed"s;
  const std::string good = "XML:com.adobe.xmp\0\0\0\0\0<x/>"s;
  const auto xmp = [](const std::string& chunks) {
    return metadata_blocks(as_bytes(kPngHead + chunks), ImageType::kPng).xmp;
  };
  EXPECT_EQ(xmp(chunk("iTXt", good) + chunk("iTXt", broken)), "<x/>");
  EXPECT_EQ(xmp(chunk("iTXt", broken) + chunk("iTXt", good)), "");
}

TEST(Blocks, OfWebp) {
  const std::string file =
      webp(extended(0x0C) + riff("VP8 ", "pixels!") + riff("EXIF", "MM1") + riff("XMP ", "<x/>"));
  const MetadataBlocks blocks = metadata_blocks(as_bytes(file), ImageType::kWebp);
  EXPECT_EQ(blocks.exif, "MM1");
  EXPECT_EQ(blocks.xmp, "<x/>");
}

TEST(HeaderTells, JpegUpToItsScan) {
  const std::string head = "\xFF\xD8" + segment(0xE1, "Exif\0\0"s) + kFrame;
  EXPECT_EQ(needed(head + kScan + "data", ImageType::kJpeg), head.size() + 4);
  EXPECT_FALSE(tells("\xFF\xD8" + kScan, ImageType::kJpeg));  // no size
}

TEST(HeaderTells, PngUpToItsPixels) {
  const std::string head = kPngHead + chunk("tEXt", "a\0b"s);
  EXPECT_EQ(needed(head + chunk("IDAT", "data"), ImageType::kPng), head.size() + 8);
}

TEST(HeaderTells, WebpWhenNoMetadataStandsBehindIt) {
  url::InfoOptions sizes;
  sizes.exif = sizes.iptc = sizes.xmp = false;
  url::InfoOptions format_only = sizes;
  format_only.dimensions = false;
  const auto file = [](int flags) { return webp(extended(flags | 2) + riff("ANIM", "xxxxxx")); };
  EXPECT_EQ(needed(file(0), ImageType::kWebp), 30u);
  EXPECT_FALSE(tells(file(0x08), ImageType::kWebp));
  EXPECT_FALSE(tells(file(0x08), ImageType::kWebp, sizes));  // orientation
  EXPECT_FALSE(tells(file(0x04), ImageType::kWebp));
  EXPECT_TRUE(tells(file(0x04), ImageType::kWebp, sizes));
  EXPECT_TRUE(tells("RIFF", ImageType::kWebp, format_only));
}

TEST(HeaderTells, OthersAndWhatNeedsTheFile) {
  EXPECT_EQ(needed("GIF89a\x07\0\x05\0\0\0\0data"s, ImageType::kGif), 13u);
  EXPECT_FALSE(tells(std::string(1000, 'x'), ImageType::kTiff));
  EXPECT_FALSE(tells(std::string(1000, 'x'), ImageType::kUnknown));
  const std::string png = kPngHead + chunk("IDAT", "data");
  ASSERT_TRUE(tells(png, ImageType::kPng));
  url::InfoOptions wanted;
  wanted.bands = true;
  EXPECT_FALSE(tells(png, ImageType::kPng, wanted));
  wanted = {};
  wanted.hashsums[static_cast<std::size_t>(DigestKind::kMd5)] = true;
  EXPECT_FALSE(tells(png, ImageType::kPng, wanted));
  wanted = {};
  wanted.page = 1;
  EXPECT_FALSE(tells(png, ImageType::kPng, wanted));
  wanted = {};
  wanted.checks_hashsum = true;
  EXPECT_FALSE(tells(png, ImageType::kPng, wanted));
  wanted = {};
  wanted.palette = 2;
  EXPECT_FALSE(tells(png, ImageType::kPng, wanted));
}

}  // namespace
}  // namespace imgring::info
