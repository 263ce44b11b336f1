// PNGs with more in them, or behind them, than a picture: it is read all the same.
#include "imgring/format/png_view.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

#include "../../../src/image/png_source.h"
#include "../byte_units.h"
#include "imgring/image/loader.h"
#include "test_images.h"

namespace imgring::image::test {
namespace {

using namespace format;

std::string be32(std::size_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
  return out;
}
std::string chunk(const std::string& name, const std::string& data) {
  const std::string body = name + data;
  const auto crc =
      crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return be32(data.size()) + body + be32(crc);
}
std::string deflated(const std::string& plain) {
  uLongf size = compressBound(plain.size());
  std::string out(size, '\0');
  compress(reinterpret_cast<Bytef*>(out.data()), &size,
           reinterpret_cast<const Bytef*>(plain.data()), plain.size());
  out.resize(size);
  return out;
}
std::string zeros(std::size_t size_bytes) { return deflated(std::string(size_bytes, '\0')); }

constexpr std::size_t kHeadBytes = 33, kEndBytes = 12;  // signature and IHDR; IEND

const std::string& plain_png() {
  static const std::string png = saved_by_vips(picture(40, 30, 3).get(), ".png");
  return png;
}
std::string with_chunks(const std::string& chunks) {
  return plain_png().substr(0, kHeadBytes) + chunks + plain_png().substr(kHeadBytes);
}
std::string with_last_chunks(const std::string& chunks) {
  const std::size_t end = plain_png().size() - kEndBytes;
  return plain_png().substr(0, end) + chunks + plain_png().substr(end);
}

VipsImagePtr read_whole(const std::string& png) {
  auto image = load(bytes_of(png), ImageType::kPng, {});
  if (!image) {
    ADD_FAILURE() << image.error().detail;
    return VipsImagePtr(vips_image_new_memory());
  }
  EXPECT_EQ(pixels_of(image->get()), pixels_of(picture(40, 30, 3).get()));
  return std::move(*image);
}
bool has_field(VipsImage* image, const char* field) {
  return vips_image_get_typeof(image, field) != 0;
}

// Screenshots cropped in place carry the rest of the older, longer file.
TEST(PngView, TheEndIsTheEndWhateverFollows) {
  const std::string second = saved_by_vips(picture(9, 9, 4).get(), ".png");
  const std::string tails[] = {
      std::string(5, '\xff'),
      std::string(20'000'000, '\xff'),
      std::string(70'000, '\0'),
      chunk("tEXt", std::string("k\0", 2) + std::string(5 * kMiB, 'v')),
      chunk("IDAT", std::string(3000, 'i')) + chunk("IEND", ""),
      be32(0x7FFFFFFF) + "tEXt",
      be32(0xFFFFFFF0) + "IHDR" + std::string(500, 'x'),
      second,
      "PK\3\4" + std::string(4000, 'z') + "PK\5\6" + std::string(18, '\0'),
      "<html><svg xmlns='http://www.w3.org/2000/svg'/></html>",
  };
  for (const std::string& tail : tails) {
    SCOPED_TRACE(testing::PrintToString(tail.substr(0, 20)));
    const std::string png = plain_png() + tail;
    EXPECT_EQ(view_png(bytes_of(png)).bytes.size(), plain_png().size());
    EXPECT_TRUE(view_png(bytes_of(png)).complete());
    read_whole(png);
  }
}

TEST(PngView, LongTextsAreLeftOutAndShortOnesStay) {
  const std::string name("n\0\0", 3), plain_name("n\0", 2), itxt("n\0\1\0\0\0", 6);
  const std::string big = zeros(4 * kMiB + 1);
  const std::string noise(kPngChunkBytesMax, 'v');
  const std::string longs[] = {
      chunk("tEXt", plain_name + noise),
      chunk("tEXt", plain_name + std::string(9 * kMiB, 'v')),
      chunk("zTXt", name + big),
      chunk("iTXt", itxt + big),
      chunk("iTXt", std::string("n\0\0\0\0\0", 6) + noise),
      chunk("zTXt", name + zeros(60 * kMiB)),
      chunk("prVW", std::string(9 * kMiB, 'p')),  // of a drawing program
  };
  const std::string kept = chunk("tEXt", std::string("Author\0somebody", 15));
  for (const std::string& one : longs) {
    SCOPED_TRACE(one.substr(4, 4));
    for (const std::string& png : {with_chunks(kept + one), with_chunks(one + kept),
                                   with_chunks(one + kept + one + one), with_last_chunks(one)}) {
      EXPECT_FALSE(view_png(bytes_of(png)).complete());
      const bool asked = png.find("Author") != std::string::npos;
      EXPECT_EQ(has_field(read_whole(png).get(), "png-comment-0-Author"), asked);
    }
  }
}

TEST(PngView, ManyTextsAreCutOffBehindTheLastThatIsRead) {
  std::string texts;
  for (int i = 0; i < kPngTextChunksMax; ++i) texts += chunk("tEXt", "k" + std::string("\0v", 2));
  EXPECT_TRUE(view_png(bytes_of(with_chunks(texts))).complete());
  const std::string more = texts + chunk("zTXt", std::string("k\0\0", 3) + zeros(5));
  const PngView view = view_png(bytes_of(with_chunks(more)));
  EXPECT_EQ(view.texts_end, kHeadBytes + texts.size());
  EXPECT_EQ(view.profiles_end, PngView::kNone);
  read_whole(with_chunks(more));
  read_whole(with_last_chunks(more));
  std::string all;
  for (int i = 0; i < 100; ++i) all += more;
  read_whole(with_chunks(all));
  // Others that decoders keep stand beside them.
  read_whole(with_chunks(chunk("eXIf", std::string("II*\0\x08\0\0\0\0\0\0\0\0\0", 14)) + texts));
  std::string palettes;
  for (int i = 0; i < 1100; ++i)
    palettes += chunk("sPLT", "p" + std::to_string(i) + std::string("\0\x08", 2));
  read_whole(with_chunks(palettes));
}

TEST(PngView, TextsOf16MibInAllAreEnough) {
  std::string texts;
  for (int i = 0; i < 16; ++i) texts += chunk("zTXt", std::string("k\0\0", 3) + zeros(kMiB));
  EXPECT_TRUE(view_png(bytes_of(with_chunks(texts))).complete());
  read_whole(with_chunks(texts));
  const PngView view = view_png(bytes_of(with_chunks(texts + texts)));
  EXPECT_EQ(view.texts_end, kHeadBytes + texts.size());
  read_whole(with_chunks(texts + texts));
}

// Of a thousand that unpack to gigabytes only the first few are unpacked to be judged.
TEST(PngView, ManyBombsAreJudgedByTheFirst) {
  const std::string bomb = std::string("k\0\0", 3) + zeros(20 * kMiB);
  std::string texts, profiles;
  for (int i = 0; i < 900; ++i) texts += chunk("zTXt", bomb);
  for (int i = 0; i < 900; ++i) profiles += chunk("iCCP", bomb);
  for (const std::string& many : {texts, profiles, texts + profiles}) {
    const PngView view = view_png(bytes_of(with_chunks(many)));
    EXPECT_LE(view.left_out.size(), 5u);
    EXPECT_NE(view.texts_end, PngView::kNone);
    EXPECT_FALSE(has_field(read_whole(with_chunks(many)).get(), VIPS_META_ICC_NAME));
  }
}

TEST(PngView, AProfileOver4MibIsLeftOutAndOneBelowIsThere) {
  std::string profile = srgb_profile();
  const std::string name("icc\0\0", 5);
  EXPECT_TRUE(has_field(read_whole(with_chunks(chunk("iCCP", name + deflated(profile)))).get(),
                        VIPS_META_ICC_NAME));
  profile.resize(kPngChunkBytesMax + 1);
  const std::string png = with_chunks(chunk("iCCP", name + deflated(profile)));
  EXPECT_EQ(view_png(bytes_of(png)).left_out, std::vector<std::size_t>{kHeadBytes});
  EXPECT_FALSE(has_field(read_whole(png).get(), VIPS_META_ICC_NAME));
}

// The pixels are all there.
// Which libvips does not look at.
TEST(PngView, P3ThatCicpSaysGetsItsProfile) {
  const auto cicp = [](const char (&values)[5]) { return chunk("cICP", std::string(values, 4)); };
  EXPECT_TRUE(has_field(read_whole(with_chunks(cicp("\x0c\x0d\0\1"))).get(), VIPS_META_ICC_NAME));
  EXPECT_TRUE(has_field(read_whole(with_chunks(cicp("\x0c\1\0\1"))).get(), VIPS_META_ICC_NAME));
  for (const std::string& other :
       {cicp("\1\x0d\0\1"), cicp("\x0c\x10\0\1"), cicp("\x0c\x0d\1\1"), cicp("\x0c\x0d\0\0"),
        chunk("cICP", "\x0c"), chunk("cICP", "")}) {
    EXPECT_FALSE(has_field(read_whole(with_chunks(other)).get(), VIPS_META_ICC_NAME));
  }
  EXPECT_FALSE(
      has_field(read_whole(with_last_chunks(cicp("\x0c\x0d\0\1"))).get(), VIPS_META_ICC_NAME));
}

TEST(PngView, AChunkCutOffBehindThePixelsIsNoMatter) {
  const std::string body = plain_png().substr(0, plain_png().size() - kEndBytes);
  read_whole(body + be32(0x7FFFFFFF) + "tEXtk");
  read_whole(body + be32(9'000'000) + "zTXt" + std::string(1000, 'z'));
  read_whole(body);
}

TEST(PngView, WithoutPixelsItIsBroken) {
  const std::string head = plain_png().substr(0, kHeadBytes);
  const std::string cut = be32(0x7FFFFFFF) + "tEXtk" + std::string(9, 0);
  for (const std::string& png :
       {head, head + cut, head + chunk("IEND", ""), with_chunks(cut), head.substr(0, 8)}) {
    const auto image = load(bytes_of(png), ImageType::kPng, {});
    ASSERT_FALSE(image.has_value());
    EXPECT_EQ(image.error().code, ErrorCode::kBrokenImage) << image.error().detail;
  }
}

// What is read through the view in any pieces is the file without what is left out.
TEST(PngView, TheSourceGivesTheSameWhateverThePieces) {
  const std::string text = chunk("tEXt", std::string("k\0", 2) + std::string(5 * kMiB, 'v'));
  const std::string png = with_chunks(text + chunk("gAMA", be32(45455)) + text);
  const std::string wanted = with_chunks(chunk("gAMA", be32(45455)));
  for (const std::size_t step : {1u, 7u, 4096u, 1u << 20}) {
    const VipsSourcePtr source = open_png_view(view_png(bytes_of(png)));
    std::string got, piece(step, '\0');
    gint64 count = 0;
    while ((count = vips_source_read(source.get(), piece.data(), piece.size())) > 0) {
      got.append(piece, 0, static_cast<std::size_t>(count));
    }
    EXPECT_EQ(got, wanted);
  }
}

}  // namespace
}  // namespace imgring::image::test
