// Our PNG writer: what libpng reads back is what went in, files are no larger than the libvips
// saver's, and failures leave in order.
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <random>

#include "imgring/codec/png_writer.h"
#include "imgring/image/metadata.h"
#include "test_images.h"

namespace imgring::image::test {
namespace {

using namespace codec;

using Octets = std::vector<std::uint8_t>;

std::string saved_png(VipsImage* image) {
  const StopFlag stop;
  const auto bytes = save(image, ImageType::kPng, {}, stop);
  if (!bytes) {
    ADD_FAILURE() << bytes.error().detail;
    return {};
  }
  return text_of(*bytes);
}

// Chunk names in order, lengths and checksums looked at.
std::string chunks_of(const std::string& png) {
  std::string names;
  std::size_t at = 8;
  while (at + 12 <= png.size()) {
    const auto word = [&](std::size_t where) {
      std::uint32_t value = 0;
      for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(png[where + i]);
      return value;
    };
    const std::size_t size = word(at);
    if (size > png.size() - at - 12) break;
    const auto* name = reinterpret_cast<const Bytef*>(png.data() + at + 4);
    EXPECT_EQ(crc32(0, name, static_cast<uInt>(size + 4)), word(at + 8 + size));
    names += png.substr(at + 4, 4) + " ";
    at += 12 + size;
  }
  EXPECT_EQ(at, png.size());
  return names;
}

TEST(PngEncoder, PixelsComeBackInAllShapes) {
  constexpr std::pair<int, int> kSizes[] = {{1, 1},  {1, 9},     {9, 1},    {2, 2},     {17, 33},
                                            {85, 3}, {301, 203}, {257, 64}, {1031, 130}};
  for (const int bands : {1, 2, 3, 4}) {
    for (const bool wide : {false, true}) {
      for (const auto& [width, height] : kSizes) {
        SCOPED_TRACE(testing::Message() << width << "x" << height << "x" << bands << " " << wide);
        const VipsImagePtr image =
            wide ? picture16(width, height, bands) : picture(width, height, bands);
        const std::string png = saved_png(image.get());
        EXPECT_EQ(chunks_of(png), "IHDR pHYs IDAT IEND ");
        const VipsImagePtr back = decoded(bytes_of(png));
        ASSERT_NE(back, nullptr);
        EXPECT_EQ(vips_image_get_bands(back.get()), bands);
        EXPECT_EQ(vips_image_get_format(back.get()), vips_image_get_format(image.get()));
        EXPECT_EQ(pixels_of(back.get()), pixels_of(image.get()));
        // Below some hundred bytes of file a code length more or less decides.
        const std::size_t theirs = saved_by_vips(image.get(), ".png[filter=all]").size();
        EXPECT_LE(png.size(), width * height < 1000 ? theirs + 2 : theirs);
      }
    }
  }
}

TEST(PngEncoder, ChunksBeforeThePixelsAreTheSavers) {
  const VipsImagePtr signed_picture = picture(60, 40, 3);
  vips_image_set_string(signed_picture.get(), "exif-ifd0-Copyright",
                        "Me (Me, ASCII, 3 components, 3 bytes)");
  const std::string jpeg = saved_by_vips(signed_picture.get(), ".jpg");
  const VipsImagePtr source = decoded(bytes_of(jpeg));
  VipsImage* copy = nullptr;
  ASSERT_EQ(vips_copy(source.get(), &copy, nullptr), 0);
  const VipsImagePtr image(copy);
  const std::string profile = srgb_profile();
  vips_image_set_blob_copy(image.get(), VIPS_META_ICC_NAME, profile.data(), profile.size());
  strip_metadata(image.get(), {.keep_copyright = true});  // leaves a plain EXIF block
  const std::string ours = saved_png(image.get());
  const std::string theirs = saved_by_vips(image.get(), ".png[filter=all]");
  // libpng before 1.6.40 repeats eXIf behind the pixels, which the format forbids (its issue 480).
  EXPECT_EQ(chunks_of(ours), "IHDR iCCP eXIf pHYs IDAT IEND ");
  const std::size_t head = ours.find("IDAT") - 4;
  if (vips_version(0) != 8 || vips_version(1) != 14) return;  // later savers order chunks anew
  EXPECT_EQ(theirs.find("IDAT") - 4, head);
  EXPECT_EQ(theirs.substr(0, head), ours.substr(0, head));
}

// What flat graphics, noise and slopes ask of a deflate: long runs, stored blocks, tiny alphabets.
enum class Fill { kZero, kNoise, kFewValues, kRepeats, kMixed };

Octets filled(Fill fill, std::size_t count) {
  std::mt19937 random(7);
  Octets bytes(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto any = static_cast<std::uint8_t>(random());
    const std::uint8_t before = i >= 3000 ? bytes[i - 3000] : any;
    switch (fill) {
      case Fill::kZero: break;
      case Fill::kNoise: bytes[i] = any; break;
      case Fill::kFewValues: bytes[i] = any & 1; break;
      case Fill::kRepeats: bytes[i] = random() % 40 == 0 ? any : before; break;
      case Fill::kMixed: bytes[i] = (i >> 17) % 2 == 0 ? any : static_cast<std::uint8_t>(i >> 9);
    }
  }
  return bytes;
}

Octets unpacked(ByteSpan packed, std::size_t room) {
  Octets out(room + 1);
  z_stream z{};
  EXPECT_EQ(inflateInit2(&z, -MAX_WBITS), Z_OK);
  z.next_in = const_cast<Bytef*>(packed.data());
  z.avail_in = static_cast<uInt>(packed.size());
  z.next_out = out.data();
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&z, Z_FINISH), Z_STREAM_END);
  EXPECT_EQ(z.avail_in, 0u);
  out.resize(z.total_out);
  inflateEnd(&z);
  return out;
}

TEST(PngDeflate, WhatGoesInComesOutWhateverThePieces) {
  for (const Fill fill :
       {Fill::kZero, Fill::kNoise, Fill::kFewValues, Fill::kRepeats, Fill::kMixed}) {
    for (const std::size_t size :
         {1ul, 2ul, 5ul, 6ul, 7ul, 8ul, 258ul, 4096ul, 65'535ul, 163'840ul, 163'841ul, 700'001ul}) {
      SCOPED_TRACE(testing::Message() << static_cast<int>(fill) << " " << size);
      const Octets bytes = filled(fill, size);
      PngOutput out(std::realloc);
      PngDeflate deflate(std::realloc, out);
      ASSERT_TRUE(deflate.begin());
      const std::size_t piece = size / 3 + 1;
      for (std::size_t at = 0; at < size; at += piece) {
        deflate.add({bytes.data() + at, std::min(piece, size - at)});
      }
      deflate.end();
      ASSERT_FALSE(out.failed());
      const imgring::Bytes packed = out.take();
      EXPECT_TRUE(unpacked(packed.span(), size) == bytes);
      EXPECT_LE(packed.size(), size + 5 * (size / 8192 + 1));  // stored blocks bound it
    }
  }
}

// Counts that double give a tree deeper than the 15 bits deflate has.
TEST(PngDeflate, CodesOfSkewedCountsFit) {
  Octets bytes;
  for (std::size_t value = 0, count = 1; bytes.size() < 600'000; ++value) {
    bytes.insert(bytes.end(), count, static_cast<std::uint8_t>(value * 37 + 1));
    count = std::max(count + 1, count * 13 / 8);
  }
  std::shuffle(bytes.begin(), bytes.end(), std::mt19937(3));
  PngOutput out(std::realloc);
  PngDeflate deflate(std::realloc, out);
  ASSERT_TRUE(deflate.begin());
  deflate.add(bytes);
  deflate.end();
  const imgring::Bytes packed = out.take();
  EXPECT_TRUE(unpacked(packed.span(), bytes.size()) == bytes);
}

// RFC 2083 section 6, byte by byte.
std::uint8_t predicted(PngFilter filter, int left, int above, int above_left) {
  const int guess = left + above - above_left;
  const int to_left = std::abs(guess - left), to_above = std::abs(guess - above);
  const int to_corner = std::abs(guess - above_left);
  switch (filter) {
    case PngFilter::kNone: return 0;
    case PngFilter::kSub: return static_cast<std::uint8_t>(left);
    case PngFilter::kUp: return static_cast<std::uint8_t>(above);
    case PngFilter::kAverage: return static_cast<std::uint8_t>((left + above) / 2);
    case PngFilter::kPaeth: break;
  }
  if (to_left <= to_above && to_left <= to_corner) return static_cast<std::uint8_t>(left);
  return static_cast<std::uint8_t>(to_above <= to_corner ? above : above_left);
}

TEST(PngFilters, FollowTheFormat) {
  const Octets noise = filled(Fill::kNoise, 2000);
  for (const std::size_t pixel : {1u, 2u, 3u, 4u, 6u, 8u}) {
    for (const std::size_t size : {1u, 8u, 255u, 256u, 257u, 900u}) {
      Octets row(kPngRowMargin), above(kPngRowMargin), out(size);
      row.insert(row.end(), noise.begin(), noise.begin() + static_cast<std::ptrdiff_t>(size));
      above.insert(above.end(), noise.end() - static_cast<std::ptrdiff_t>(size), noise.end());
      for (std::uint8_t f = 0; f < kPngFilterCount; ++f) {
        const auto filter = static_cast<PngFilter>(f);
        const PngRows rows{row.data() + kPngRowMargin, above.data() + kPngRowMargin, size, pixel};
        const std::uint64_t sum = filter_png_row(filter, rows, out.data());
        std::uint64_t wanted_sum = 0;
        for (std::size_t i = 0; i < size; ++i) {
          const std::size_t at = kPngRowMargin + i;
          const int guess = predicted(filter, row[at - pixel], above[at], above[at - pixel]);
          const auto wanted = static_cast<std::uint8_t>(row[at] - guess);
          ASSERT_EQ(out[i], wanted) << int{f} << " " << pixel << " " << i;
          wanted_sum += static_cast<std::uint64_t>(std::abs(std::bit_cast<std::int8_t>(wanted)));
        }
        EXPECT_EQ(sum, wanted_sum);
      }
    }
  }
}

int allocations_left = 0;
void* scarce(void* old, std::size_t size_bytes) {
  return allocations_left-- > 0 ? std::realloc(old, size_bytes) : nullptr;
}

Result<imgring::Bytes> written(Reallocate reallocate) {
  const PngShape shape{200, 300, 3, 1};
  const Octets noise = filled(Fill::kNoise, shape.width * shape.height * shape.bands);
  PngWriter writer(reallocate);
  IMGRING_TRY_VOID(writer.begin(shape, {}));
  for (std::size_t row = 0; row < shape.height; ++row) {
    IMGRING_TRY_VOID(writer.row(noise.data() + row * shape.width * shape.bands));
  }
  return writer.end();
}

TEST(PngWriter, EveryRefusedAllocationIsOverloaded) {
  ASSERT_TRUE(written(std::realloc).has_value());
  int refused = 0;
  for (int allowed = 0; allowed < 1000; ++allowed) {
    allocations_left = allowed;
    const auto bytes = written(scarce);
    if (bytes) break;
    EXPECT_EQ(bytes.error().code, ErrorCode::kOverloaded) << allowed;
    ++refused;
  }
  EXPECT_GT(refused, 3);  // rows, work memory, and the file as it grows
  EXPECT_LT(refused, 1000);
}

TEST(PngWriter, RefusesWhatOneChunkCannotHold) {
  EXPECT_TRUE(PngWriter::fits({16'000, 16'000, 4, 1}));
  EXPECT_FALSE(PngWriter::fits({16'000, 16'000, 4, 2}));
  EXPECT_TRUE(PngWriter::fits({1, 100'000'000, 1, 1}));
  EXPECT_FALSE(PngWriter::fits({1, 1'000'000'000, 1, 1}));
  EXPECT_FALSE(PngWriter::fits({0xFFFF'FFFF, 1, 4, 2}));
  EXPECT_FALSE(PngWriter::fits({0xFFFF'FFFF, 0xFFFF'FFFF, 4, 2}));
}

TEST(PngEncoder, StopFlagEndsTheWork) {
  for (const auto& [reason, code] : {std::pair{StopReason::kTimeout, ErrorCode::kTimeout},
                                     std::pair{StopReason::kClientGone, ErrorCode::kCancelled}}) {
    StopFlag stop;
    stop.stop(reason);
    const VipsImagePtr image = picture(64, 64, 3);
    const auto bytes = save(image.get(), ImageType::kPng, {}, stop);
    ASSERT_FALSE(bytes.has_value());
    EXPECT_EQ(bytes.error().code, code);
  }
}

}  // namespace
}  // namespace imgring::image::test
