// The short way: weights, loops of all instruction sets, and what it leaves to libvips.
#include "imgring/image/native.h"

#include <gtest/gtest.h>
#include <libdeflate.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/base/sanitized.h"
#include "test_images.h"

namespace imgring::image {
namespace {

using namespace codec;

TEST(NativeResize, WeightsSumToOneAndStayInside) {
  struct Case {
    int size, resized;
    double shrink;
  };
  const Case kCases[] = {
      {100, 50, 2}, {101, 50, 2.02}, {99, 33, 3},    {1000, 253, 3.95}, {3, 1, 3},
      {1, 1, 1.3},  {7, 5, 1.4},     {10, 10, 1.01}, {500, 500, 1},     {894, 500, 894 / 500.0}};
  for (const Case& c : kCases) {
    SCOPED_TRACE(std::to_string(c.size) + " to " + std::to_string(c.resized));
    const AxisWeights w = make_weights({0, c.size, c.resized, c.shrink, 0, c.resized});
    ASSERT_EQ(w.first.size(), static_cast<std::size_t>(c.resized));
    EXPECT_TRUE(std::is_sorted(w.first.begin(), w.first.end()));
    EXPECT_LE(w.source_first + w.source_count, c.size);
    EXPECT_LE(w.taps, kTapsMax);
    for (int i = 0; i < c.resized; ++i) {
      const auto begin = w.weights.begin() + i * w.taps;
      EXPECT_EQ(std::accumulate(begin, begin + w.taps, 0), 16384);
      EXPECT_TRUE(std::all_of(begin + w.taps_used, begin + w.taps, [](int v) { return v == 0; }));
    }
  }
}

TEST(NativeResize, WindowOfAnAxisWeighsAsTheWholeDoes) {
  const AxisWeights whole = make_weights({0, 300, 160, 300 / 160.0, 0, 160});
  const AxisWeights part = make_weights({0, 300, 160, 300 / 160.0, 70, 20});
  for (int i = 0; i < 20; ++i) {
    const std::size_t at = static_cast<std::size_t>(i);
    EXPECT_EQ(part.first[at] + part.source_first, whole.first[at + 70] + whole.source_first);
    for (int k = 0; k < std::min(part.taps, whole.taps); ++k)
      EXPECT_EQ(part.weights[at * part.taps + k], whole.weights[(at + 70) * whole.taps + k]);
  }
}

struct Noise {
  std::mt19937 engine{7};
  // Extremes often: sums beyond 0 and 255 have to be cut.
  std::vector<std::uint8_t> bytes(std::size_t count) {
    std::vector<std::uint8_t> out(count + kRowPadBytes);
    for (auto& v : out) {
      const auto n = engine();
      v = static_cast<std::uint8_t>(n % 3 == 0 ? 0 : n % 3 == 1 ? 255 : n >> 8);
    }
    return out;
  }
};

// A row's worth of each loop's output.
struct Outputs {
  std::vector<std::int16_t> down;
  std::vector<std::uint8_t> across, means, premultiplied;
  std::vector<std::uint16_t> sums;
  bool operator==(const Outputs&) const = default;
};
Outputs outputs_of(const ResizeLoops& loops, const AxisWeights& w, int bands,
                   const std::vector<std::vector<std::uint8_t>>& rows, std::size_t width) {
  const auto samples = width * static_cast<std::size_t>(bands);
  const auto band_index = static_cast<std::size_t>(bands - 1);
  std::vector<const std::uint8_t*> pointers;
  for (const auto& row : rows) pointers.push_back(row.data());
  Outputs out;
  out.down.resize(samples + kRowPadBytes);
  loops.down(pointers.data(), w.weights.data(), w.taps_used, samples, out.down.data());
  out.down.resize(samples);
  std::vector<std::int16_t> fine = out.down;
  fine.resize(samples + kRowPadBytes);
  out.across.resize(w.first.size() * static_cast<std::size_t>(bands) + kRowPadBytes);
  loops.across[band_index](fine.data(), w, out.across.data());
  out.across.resize(w.first.size() * static_cast<std::size_t>(bands));
  out.sums.resize(samples + kRowPadBytes);
  for (const std::uint8_t* row : pointers) loops.add(row, samples, out.sums.data());
  const BoxMeans boxes{2, static_cast<int>(rows.size()), width / 2};
  out.means.resize(samples + kRowPadBytes);
  loops.means[band_index](out.sums.data(), boxes, out.means.data());
  out.means.resize(boxes.count * static_cast<std::size_t>(bands));
  out.premultiplied.resize(samples + kRowPadBytes);
  if (bands == 4) loops.premultiply(rows[0].data(), width, out.premultiplied.data());
  out.premultiplied.resize(samples);
  return out;
}

// One axis, all bands: each level against the plain loops.
void expect_equal_levels(const ResizeAxis& axis, Noise& noise) {
  const AxisWeights w = make_weights(axis);
  const auto width = static_cast<std::size_t>(w.source_count);
  for (int bands = 1; bands <= kBandsMax; ++bands) {
    std::vector<std::vector<std::uint8_t>> rows;
    for (int k = 0; k < w.taps; ++k)
      rows.push_back(noise.bytes(width * static_cast<std::size_t>(bands)));
    const Outputs plain = outputs_of(plain_resize_loops(), w, bands, rows, width);
    for (const LoopsOfLevel& level : resize_loops_of_all_levels()) {
      SCOPED_TRACE(std::to_string(width) + " " + std::to_string(bands) + " " + level.name);
      EXPECT_TRUE(outputs_of(*level.loops, w, bands, rows, width) == plain);
    }
  }
}

TEST(NativeResize, EveryInstructionSetGivesTheSameBytes) {
  Noise noise;
  for (const int width : {1, 2, 5, 10, 11, 31, 64, 333, 894}) {
    for (const double shrink : {1.0, 1.1, 1.788, 2.5, 3.99}) {
      const int resized = std::max(1, static_cast<int>(width / shrink));
      expect_equal_levels({0, width, resized, shrink, 0, resized}, noise);
    }
  }
}

TEST(NativeResize, EveryInstructionSetGivesTheSameBytesForAnySizes) {
  Noise noise;
  for (int i = 0; i < 100; ++i) {
    const int resized = 1 + static_cast<int>(noise.engine() % 300);
    const double shrink = 1 + static_cast<double>(noise.engine() % 7000) / 1000;
    const int size = std::max(1, static_cast<int>(resized * shrink));
    const int first = static_cast<int>(noise.engine()) & 0x7FFF;
    expect_equal_levels({0, size, resized, shrink, first % resized, 1}, noise);
    expect_equal_levels({0, size, resized, shrink, 0, resized}, noise);
  }
}

TEST(NativeResize, LevelsAreThoseOfThisMachineTheBestFirst) {
  const std::vector<LoopsOfLevel> levels = resize_loops_of_all_levels();
  ASSERT_FALSE(levels.empty());
  EXPECT_EQ(levels.front().loops, &resize_loops());
#if defined(__x86_64__)
  const auto has = [&](std::string_view name) {
    return std::any_of(levels.begin(), levels.end(),
                       [&](const LoopsOfLevel& level) { return level.name == name; });
  };
  // A level wants more than its name says, which every processor has that has these.
  EXPECT_TRUE(has("SSE4") || kSanitized || !__builtin_cpu_supports("sse4.2"));
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi2");
  EXPECT_TRUE(has("AVX2") || !avx2);
  EXPECT_TRUE(has("AVX3") || !avx2 || !__builtin_cpu_supports("avx512vl"));
#endif
}

TEST(NativeResize, BoxesAreThoseOfLibvips) {
  struct Case {
    int size, resized, box;
  };
  for (const Case& c : {Case{399, 100, 1}, Case{400, 100, 2}, Case{599, 100, 2}, Case{600, 100, 3},
                        Case{3, 1, 1}, Case{401, 1, 200}}) {
    EXPECT_EQ(box_of({0, c.size, c.resized, 1, 0, c.resized}), c.box) << c.size;
  }
}

TEST(NativeResize, MeansOfTheLargestBoxesAreRight) {
  const BoxMeans boxes{kBoxMax, kBoxMax, 1};
  for (const int value : {0, 1, 127, 128, 254, 255}) {
    const std::vector<std::uint16_t> sums(kBoxMax * 4 + kRowPadBytes,
                                          static_cast<std::uint16_t>(value * kBoxMax));
    for (std::size_t bands = 1; bands <= kBandsMax; ++bands) {
      std::uint8_t out[kBandsMax + kRowPadBytes] = {};
      resize_loops().means[bands - 1](sums.data(), boxes, out);
      for (std::size_t band = 0; band < bands; ++band) EXPECT_EQ(out[band], value);
    }
  }
}

TEST(NativeResize, AlphaIsMultipliedInAndOutToTheNearest) {
  for (int alpha = 0; alpha < 256; ++alpha) {
    for (int colour = 0; colour < 256; ++colour) {
      std::uint8_t rgba[4 + kRowPadBytes] = {static_cast<std::uint8_t>(colour), 0, 255,
                                             static_cast<std::uint8_t>(alpha)};
      std::uint8_t grey[2] = {rgba[0], rgba[3]};
      resize_loops().premultiply(rgba, 1, rgba);
      premultiply_grey(grey, 1);
      const double exact = colour * alpha / 255.0;
      ASSERT_NEAR(rgba[0], exact, 0.5);
      ASSERT_EQ(rgba[0], grey[0]);
      ASSERT_EQ(rgba[2], alpha);
      ASSERT_EQ(rgba[3], alpha);
      unpremultiply(rgba, 1, 4);
      if (alpha == 0) continue;
      ASSERT_NEAR(rgba[0], colour, 0.5 + 127.5 / alpha);
      ASSERT_EQ(rgba[2], 255);
    }
  }
}

// Reductions overshoot at edges: no colour may exceed its alpha.
TEST(NativeResize, ColoursBrighterThanTheirAlphaAreCut) {
  std::uint8_t row[] = {200, 90, 0, 100, 9, 9, 9, 0};
  unpremultiply(row, 2, 4);
  EXPECT_EQ(std::vector<std::uint8_t>(row, row + 8),
            (std::vector<std::uint8_t>{255, 230, 0, 100, 0, 0, 0, 0}));
}

TEST(NativeResize, OneColourStaysThatColour) {
  const AxisWeights w = make_weights({0, 90, 41, 90 / 41.0, 0, 41});
  const std::vector<std::uint8_t> row(90 * 3 + kRowPadBytes, 201);
  const std::vector<const std::uint8_t*> rows(static_cast<std::size_t>(w.taps), row.data());
  std::vector<std::int16_t> fine(90 * 3 + kRowPadBytes);
  resize_loops().down(rows.data(), w.weights.data(), w.taps_used, 90 * 3, fine.data());
  std::vector<std::uint8_t> out(41 * 3 + kRowPadBytes);
  resize_loops().across[2](fine.data(), w, out.data());
  out.resize(41 * 3);
  EXPECT_EQ(out, std::vector<std::uint8_t>(41 * 3, 201));
}

TEST(NativeResize, FineSamplesComeBack) {
  std::vector<std::uint8_t> row(256), back(256);
  std::iota(row.begin(), row.end(), std::uint8_t{0});
  std::vector<std::int16_t> fine(256);
  to_fine(row.data(), row.size(), fine.data());
  from_fine(fine.data(), fine.size(), back.data());
  EXPECT_EQ(back, row);
}

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
