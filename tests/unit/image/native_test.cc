// The short way, and what it leaves to libvips.
#include "imgring/image/native.h"

#include <gtest/gtest.h>
#include <libdeflate.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "test_images.h"

namespace imgring::image {
namespace {

using namespace codec;

// By our own decoder of JPEGs (true), and by libjpeg-turbo alone.
class NativeJpeg : public testing::TestWithParam<bool> {
 protected:
  // 160 x 120 to half its size.
  NativeJob job_of(const std::string& source) const {
    NativeJob job;
    job.source = test::bytes_of(source);
    job.source_type = job.result_type = ImageType::kJpeg;
    job.own_jpeg_decoder = GetParam();
    job.resized = true;
    job.loaded_width = 160;
    job.loaded_height = 120;
    job.across = {0, 160, 80, 2, 0, 80};
    job.down = {0, 120, 60, 2, 0, 60};
    return job;
  }
  Result<Bytes> run(const std::string& source) {
    const VipsImagePtr header = test::picture(80, 60, 3);
    return save_natively(job_of(source), header.get(), {}, stop_);
  }
  std::string good_ = test::saved_by_vips(test::picture(160, 120, 3).get(), ".jpg[Q=90]");
  StopFlag stop_;
};

TEST_P(NativeJpeg, HalvesAPicture) {
  const auto bytes = run(good_);
  ASSERT_TRUE(bytes.has_value());
  const VipsImagePtr picture = test::decoded(bytes->span());
  EXPECT_EQ(vips_image_get_width(picture.get()), 80);
  EXPECT_EQ(vips_image_get_height(picture.get()), 60);
}

TEST_P(NativeJpeg, ReadsProgressiveSources) {
  EXPECT_TRUE(run(test::saved_by_vips(test::picture(160, 120, 3).get(), ".jpg[interlace]")));
}

INSTANTIATE_TEST_SUITE_P(Decoders, NativeJpeg, testing::Bool(),
                         [](const auto& which) { return which.param ? "Own" : "Turbo"; });

// Fill bytes before the last marker are in order; our decoder finds them behind the last row.
TEST(NativeFallback, BeginsAgainBehindTheLastRow) {
  std::string source = test::saved_by_vips(test::picture(640, 480, 3).get(), ".jpg[Q=90]");
  NativeJob job;
  job.source_type = job.result_type = ImageType::kJpeg;
  job.resized = true;
  job.shrink = 2;
  job.loaded_width = 320;
  job.loaded_height = 240;
  job.across = {0, 320, 200, 1.6, 0, 200};
  job.down = {0, 240, 150, 1.6, 0, 150};
  const VipsImagePtr header = test::picture(200, 150, 3);
  const StopFlag stop;
  const auto saved = [&](bool own) {
    job.source = test::bytes_of(source);
    job.own_jpeg_decoder = own;
    auto bytes = save_natively(job, header.get(), {.quality = 95}, stop);
    EXPECT_TRUE(bytes.has_value());
    return std::vector<std::uint8_t>(bytes->span().begin(), bytes->span().end());
  };
  EXPECT_NE(saved(true), saved(false)) << "the two decoders reduce differently";
  source.insert(source.size() - 2, 3, '\xFF');
  EXPECT_EQ(saved(true), saved(false));
}

// Crops: what is not looked at is not made, and nothing else changes.
TEST(NativeCrop, IsAPartOfTheWhole) {
  const std::string source = test::saved_by_vips(test::picture(900, 700, 3).get(), ".jpg[Q=90]");
  NativeJob job;
  job.source = test::bytes_of(source);
  job.source_type = ImageType::kJpeg;
  job.result_type = ImageType::kPng;
  job.own_jpeg_decoder = true;
  job.loaded_width = 900;
  job.loaded_height = 700;
  const auto saved = [&](codec::ResizeAxis across, codec::ResizeAxis down) {
    job.across = across;
    job.down = down;
    const StopFlag stop;
    const VipsImagePtr header = test::picture(across.count, down.count, 3);
    auto bytes = save_natively(job, header.get(), {}, stop);
    EXPECT_TRUE(bytes.has_value());
    VipsImage* png = nullptr;
    EXPECT_EQ(vips_pngload_buffer(const_cast<std::uint8_t*>(bytes->span().data()),
                                  bytes->span().size(), &png, nullptr),
              0);
    const VipsImagePtr lazy(png);
    return VipsImagePtr(vips_image_copy_memory(png));  // the bytes go
  };
  const VipsImagePtr whole = saved({0, 900, 900, 1, 0, 900}, {0, 700, 700, 1, 0, 700});
  const VipsImagePtr part = saved({310, 200, 200, 1, 0, 200}, {405, 90, 90, 1, 0, 90});
  VipsImage* cut = nullptr;
  ASSERT_EQ(vips_crop(whole.get(), &cut, 310, 405, 200, 90, nullptr), 0);
  const VipsImagePtr expected(cut);
  EXPECT_EQ(test::pixels_of(part.get()), test::pixels_of(expected.get()));
}

// Coefficients in memory that another picture has left are as good as in libjpeg's own.
TEST(NativeProgressive, SameBytesFromUsedScratch) {
  constexpr int kWidth = 2400, kHeight = 1800;  // 13 MB of coefficients and more
  struct Case {
    const char* suffix;
    bool own_decoder;
  };
  for (const auto& [suffix, own_decoder] :
       {Case{".jpg[interlace,Q=60]", false}, Case{".jpg[interlace,Q=92]", false},
        Case{".jpg[interlace,Q=92]", true}}) {
    SCOPED_TRACE(suffix);
    const std::string source = test::saved_by_vips(test::picture(kWidth, kHeight, 3).get(), suffix);
    NativeJob job;
    job.source = test::bytes_of(source);
    job.source_type = job.result_type = ImageType::kJpeg;
    job.own_jpeg_decoder = own_decoder;
    job.resized = true;
    job.loaded_width = kWidth;
    job.loaded_height = kHeight;
    job.across = {0, kWidth, 300, 8, 0, 300};
    job.down = {0, kHeight, 225, 8, 0, 225};
    const VipsImagePtr header = test::picture(300, 225, 3);
    const StopFlag stop;
    const auto own = save_natively(job, header.get(), {}, stop);
    ASSERT_TRUE(own.has_value());
    DecodeScratch scratch(64 << 20);
    {
      constexpr std::size_t kBytes = 32 << 20;
      const DecodeScratch::Block dirty = scratch.take(kBytes);
      std::memset(dirty.data(), 0x5A, kBytes);
    }
    job.scratch = &scratch;
    const auto ours = save_natively(job, header.get(), {}, stop);
    ASSERT_TRUE(ours.has_value());
    EXPECT_EQ(scratch.idle_bytes(), 32u << 20) << "it took the block and gave it back";
    ASSERT_TRUE(std::ranges::equal(own->span(), ours->span()));
  }
}

TEST_P(NativeJpeg, LeavesWhatIsNotQuiteInOrderToLibvips) {
  std::string ends_early = good_;
  ends_early.replace(ends_early.size() / 2, 2, "\xFF\xD9");
  const std::string grey = test::saved_by_vips(test::picture(160, 120, 1).get(), ".jpg");
  const std::string other = test::saved_by_vips(test::picture(200, 120, 3).get(), ".jpg");
  const std::string cmyk = test::saved_by_vips(test::cmyk_picture(160, 120).get(), ".jpg");
  for (const std::string& source :
       {good_.substr(0, good_.size() / 2), good_.substr(0, 30), std::string(), std::string("no"),
        ends_early, grey, other, cmyk}) {
    const auto bytes = run(source);
    ASSERT_FALSE(bytes.has_value()) << source.size();
    EXPECT_FALSE(is_answer(bytes.error()));
  }
}

TEST_P(NativeJpeg, StopsForEveryReason) {
  stop_.stop(StopReason::kTimeout);
  const auto late = run(good_);
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, ErrorCode::kTimeout);
  EXPECT_TRUE(is_answer(late.error()));
  stop_.stop(StopReason::kClientGone);
  const auto gone = run(good_);
  ASSERT_FALSE(gone.has_value());
  EXPECT_EQ(gone.error().code, ErrorCode::kCancelled);
}

// 64 x 48 to half its size.
class NativePng : public testing::Test {
 protected:
  static constexpr int kWidth = 64, kHeight = 48;

  Result<Bytes> run(const std::string& source, int bands) const {
    NativeJob job;
    job.source = test::bytes_of(source);
    job.source_type = job.result_type = ImageType::kPng;
    job.bands = bands;
    job.loaded_width = kWidth;
    job.loaded_height = kHeight;
    job.across = {0, kWidth, kWidth / 2, 2, 0, kWidth / 2};
    job.down = {0, kHeight, kHeight / 2, 2, 0, kHeight / 2};
    job.resized = true;
    const VipsImagePtr header = test::picture(kWidth / 2, kHeight / 2, bands);
    const StopFlag stop;
    return save_natively(job, header.get(), {}, stop);
  }
  static std::string png(int bands, const char* suffix = ".png[filter=all]") {
    return test::saved_by_vips(test::picture(kWidth, kHeight, bands).get(), suffix);
  }
  static std::uint32_t big(const std::string& bytes, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
      value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
    return value;
  }
  // Offset of the first chunk of a name.
  static std::size_t find_chunk(const std::string& png, std::string_view name) {
    std::size_t at = 8;
    while (png.substr(at + 4, 4) != name) at += 12 + big(png, at);
    return at;
  }
  static std::string chunk(std::string name_and_data) {
    const std::uint32_t sum = libdeflate_crc32(0, name_and_data.data(), name_and_data.size());
    const auto size = static_cast<std::uint32_t>(name_and_data.size() - 4);
    std::string out;
    for (int i = 24; i >= 0; i -= 8) out.push_back(static_cast<char>(size >> i));
    out += name_and_data;
    for (int i = 24; i >= 0; i -= 8) out.push_back(static_cast<char>(sum >> i));
    return out;
  }
  static std::string with(std::string png, std::string_view before, std::string name_and_data) {
    return png.insert(find_chunk(png, before), chunk(std::move(name_and_data)));
  }
};

TEST_F(NativePng, GivesTheSameWhateverTheFilter) {
  for (int bands = 1; bands <= kBandsMax; ++bands) {
    const auto unfiltered = run(png(bands, ".png[filter=none]"), bands);
    ASSERT_TRUE(unfiltered.has_value());
    for (const char* filter : {"sub", "up", "avg", "paeth", "all"}) {
      SCOPED_TRACE(std::string(filter) + " " + std::to_string(bands));
      const std::string suffix = ".png[filter=" + std::string(filter) + "]";
      const auto bytes = run(png(bands, suffix.c_str()), bands);
      ASSERT_TRUE(bytes.has_value());
      EXPECT_EQ(test::text_of(*bytes), test::text_of(*unfiltered));
    }
  }
}

TEST_F(NativePng, JoinsPixelsOfSeveralChunks) {
  const std::string good = png(3);
  const std::size_t at = find_chunk(good, "IDAT");
  const std::string data = good.substr(at + 8, big(good, at));
  std::string split = good.substr(0, at) + chunk("IDAT" + data.substr(0, 5)) + chunk("IDAT") +
                      chunk("IDAT" + data.substr(5, 100)) + chunk("IDAT" + data.substr(105)) +
                      good.substr(at + 12 + data.size());
  const auto whole = run(good, 3), parts = run(split, 3);
  ASSERT_TRUE(whole && parts);
  EXPECT_EQ(test::text_of(*whole), test::text_of(*parts));
}

TEST_F(NativePng, LooksOverWhatDoesNotConcernPixels) {
  EXPECT_TRUE(run(with(png(4), "IDAT", "tEXtTitle" + std::string(1, '\0') + "x"), 4));
  EXPECT_TRUE(run(png(3) + "what follows the end", 3));
}

TEST_F(NativePng, LeavesWhatIsNotQuiteInOrderToLibvips) {
  const std::string good = png(4);
  const std::size_t pixels = find_chunk(good, "IDAT"), end = find_chunk(good, "IEND");
  std::string bad_sum = good, bad_pixels = good, wide = good;
  bad_sum[pixels + 20] = static_cast<char>(bad_sum[pixels + 20] ^ 1);
  const std::string data = good.substr(pixels + 4, 4 + big(good, pixels));
  std::string damaged = data;
  damaged[damaged.size() - 1] = static_cast<char>(damaged.back() ^ 1);  // the sum of the pixels
  bad_pixels.replace(pixels, 12 + data.size() - 4, chunk(damaged));
  wide.replace(pixels, 12 + data.size() - 4, chunk(data + "more"));
  for (const std::string& source :
       {good.substr(0, good.size() / 2), good.substr(0, end), good.substr(0, 20), std::string(),
        std::string("no"), bad_sum, bad_pixels, wide, with(good, "IDAT", "tRNS12"),
        with(good, "IDAT", "PLTE123"), with(good, "IEND", "IDATx"), png(3), png(1),
        png(4, ".png[interlace]"), png(4, ".png[palette]"),
        test::saved_by_vips(test::picture16(kWidth, kHeight, 4).get(), ".png"),
        test::saved_by_vips(test::picture(kWidth, kHeight + 1, 4).get(), ".png")}) {
    const auto bytes = run(source, 4);
    ASSERT_FALSE(bytes.has_value()) << source.size();
    EXPECT_FALSE(is_answer(bytes.error()));
  }
}

}  // namespace
}  // namespace imgring::image
