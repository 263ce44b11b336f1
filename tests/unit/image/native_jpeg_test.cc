// The short way for JPEG: weights, loops of all instruction sets, and what it leaves to libvips.
#include "imgring/image/native_jpeg.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "test_images.h"

namespace imgring::image {
namespace {

TEST(NativeResize, WeightsSumToOneAndStayInside) {
  struct Case {
    int size, resized;
    double shrink;
  };
  const Case kCases[] = {{100, 50, 2},  {101, 50, 2.02}, {99, 33, 3},   {1000, 253, 3.95},
                         {3, 1, 3},     {1, 1, 1.3},     {7, 5, 1.4},   {10, 10, 1.01},
                         {500, 500, 1}, {894, 500, 894 / 500.0}};
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

TEST(NativeResize, EveryInstructionSetGivesTheSameBytes) {
  Noise noise;
  for (const int width : {1, 2, 5, 10, 11, 31, 64, 333, 894}) {
    for (const double shrink : {1.0, 1.1, 1.788, 2.5, 3.99}) {
      const int resized = std::max(1, static_cast<int>(width / shrink));
      const AxisWeights w = make_weights({0, width, resized, shrink, 0, resized});
      const std::size_t size = static_cast<std::size_t>(width) * 3;
      std::vector<std::vector<std::uint8_t>> sources;
      std::vector<const std::uint8_t*> rows;
      for (int k = 0; k < w.taps; ++k) sources.push_back(noise.bytes(size));
      for (const auto& row : sources) rows.push_back(row.data());
      std::vector<std::uint8_t> down(size), across(static_cast<std::size_t>(resized) * 3);
      for (const Simd simd : {Simd::kPlain, Simd::kSse41, Simd::kAvx2}) {
        if (!has_simd(simd)) continue;
        SCOPED_TRACE(std::to_string(width) + " " + std::to_string(static_cast<int>(simd)));
        std::vector<std::uint8_t> a(size + kRowPadBytes), b(across.size() + kRowPadBytes);
        const ResizeLoops& loops = resize_loops_of(simd);
        loops.down(rows.data(), w.weights.data(), w.taps_used, size, a.data());
        loops.across(sources[0].data(), w, b.data());
        a.resize(down.size());
        b.resize(across.size());
        if (simd == Simd::kPlain) down = a, across = b;
        EXPECT_EQ(a, down);
        EXPECT_EQ(b, across);
      }
    }
  }
}

TEST(NativeResize, OneColourStaysThatColour) {
  const AxisWeights w = make_weights({0, 90, 41, 90 / 41.0, 0, 41});
  const std::vector<std::uint8_t> in(90 * 3 + kRowPadBytes, 201);
  std::vector<std::uint8_t> out(41 * 3 + kRowPadBytes);
  resize_loops().across(in.data(), w, out.data());
  out.resize(41 * 3);
  EXPECT_EQ(out, std::vector<std::uint8_t>(41 * 3, 201));
}

class NativeJpeg : public testing::Test {
 protected:
  // 160 x 120 to half its size.
  NativeJpegJob job_of(const std::string& source) const {
    NativeJpegJob job;
    job.source = test::bytes_of(source);
    job.loaded_width = 160;
    job.loaded_height = 120;
    job.across = {0, 160, 80, 2, 0, 80};
    job.down = {0, 120, 60, 2, 0, 60};
    return job;
  }
  Result<EncodedBytes> run(const std::string& source) {
    const VipsImagePtr header = test::picture(80, 60, 3);
    return native_jpeg(job_of(source), header.get(), {}, stop_);
  }
  std::string good_ = test::saved_by_vips(test::picture(160, 120, 3).get(), ".jpg[Q=90]");
  StopFlag stop_;
};

TEST_F(NativeJpeg, HalvesAPicture) {
  const auto bytes = run(good_);
  ASSERT_TRUE(bytes.has_value());
  const VipsImagePtr picture = test::decoded(bytes->span());
  EXPECT_EQ(vips_image_get_width(picture.get()), 80);
  EXPECT_EQ(vips_image_get_height(picture.get()), 60);
}

TEST_F(NativeJpeg, ReadsProgressiveSources) {
  EXPECT_TRUE(run(test::saved_by_vips(test::picture(160, 120, 3).get(), ".jpg[interlace]")));
}

TEST_F(NativeJpeg, LeavesWhatIsNotQuiteInOrderToLibvips) {
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

TEST_F(NativeJpeg, StopsForEveryReason) {
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

}  // namespace
}  // namespace imgring::image
