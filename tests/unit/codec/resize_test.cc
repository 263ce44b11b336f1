// The loops that make rows smaller: weights, all instruction sets, boxes, alpha.
#include "imgring/codec/resize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/base/sanitized.h"

namespace imgring::codec {
namespace {

TEST(Resize, WeightsSumToOneAndStayInside) {
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

TEST(Resize, WindowOfAnAxisWeighsAsTheWholeDoes) {
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

TEST(Resize, EveryInstructionSetGivesTheSameBytes) {
  Noise noise;
  for (const int width : {1, 2, 5, 10, 11, 31, 64, 333, 894}) {
    for (const double shrink : {1.0, 1.1, 1.788, 2.5, 3.99}) {
      const int resized = std::max(1, static_cast<int>(width / shrink));
      expect_equal_levels({0, width, resized, shrink, 0, resized}, noise);
    }
  }
}

// What 333 thirds leave of 1000 pixels: one, of which each end has a half, or the last end all.
TEST(Resize, WhatIsLeftOverMayAllBeAtTheEnd) {
  const AxisWeights even = make_weights({0, 999, 333, 3, 0, 333});
  const AxisWeights shared = make_weights({0, 1000, 333, 3, 0, 333});
  const AxisWeights at_end = make_weights({0, 1000, 333, 3, 0, 333, 0.0});
  ASSERT_EQ(even.taps, at_end.taps);
  constexpr std::size_t kInside = 300;  // pixels that do not see the end
  const auto weights_of = [](const AxisWeights& w) {
    return std::vector(w.weights.begin(), w.weights.begin() + kInside * w.taps);
  };
  const auto first_of = [](const AxisWeights& w) {
    return std::vector(w.first.begin(), w.first.begin() + kInside);
  };
  EXPECT_EQ(weights_of(at_end), weights_of(even));
  EXPECT_EQ(first_of(at_end), first_of(even));
  EXPECT_NE(weights_of(shared), weights_of(even));
}

// As many pixels as there are, but a quarter of one on: chroma of a picture of an odd side.
TEST(Resize, WhatBeginsInsideAPixelIsNoCopy) {
  EXPECT_TRUE(make_weights({0, 9, 9, 1, 0, 9}).identical);
  EXPECT_TRUE(make_weights({0, 9, 9, 1, 0, 9, 0.0}).identical);
  const AxisWeights moved = make_weights({0, 9, 9, 1, 0, 9, -0.25});
  EXPECT_FALSE(moved.identical);
  for (std::size_t i = 0; i < 9; ++i) {
    double sum = 0, at = 0;
    for (int k = 0; k < moved.taps; ++k) {
      const double weight = moved.weights[i * static_cast<std::size_t>(moved.taps) + k];
      sum += weight;
      at += weight * (moved.first[i] + k);
    }
    EXPECT_EQ(sum, 1 << 14);
    // Away from the ends, where pixels repeat.
    if (i >= 3 && i <= 5) EXPECT_NEAR(at / sum, static_cast<double>(i) - 0.25, 0.03);
  }
}

TEST(Resize, EveryInstructionSetGivesTheSameBytesForAnySizes) {
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

TEST(Resize, LevelsAreThoseOfThisMachineTheBestFirst) {
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

TEST(Resize, BoxesAreThoseOfLibvips) {
  struct Case {
    int size, resized, box;
  };
  for (const Case& c : {Case{399, 100, 1}, Case{400, 100, 2}, Case{599, 100, 2}, Case{600, 100, 3},
                        Case{3, 1, 1}, Case{401, 1, 200}}) {
    EXPECT_EQ(box_of({0, c.size, c.resized, 1, 0, c.resized}), c.box) << c.size;
  }
}

TEST(Resize, MeansOfTheLargestBoxesAreRight) {
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

TEST(Resize, AlphaIsMultipliedInAndOutToTheNearest) {
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
TEST(Resize, ColoursBrighterThanTheirAlphaAreCut) {
  std::uint8_t row[] = {200, 90, 0, 100, 9, 9, 9, 0};
  unpremultiply(row, 2, 4);
  EXPECT_EQ(std::vector<std::uint8_t>(row, row + 8),
            (std::vector<std::uint8_t>{255, 230, 0, 100, 0, 0, 0, 0}));
}

TEST(Resize, OneColourStaysThatColour) {
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

TEST(Resize, FineSamplesComeBack) {
  std::vector<std::uint8_t> row(256), back(256);
  std::iota(row.begin(), row.end(), std::uint8_t{0});
  std::vector<std::int16_t> fine(256);
  to_fine(row.data(), row.size(), fine.data());
  from_fine(fine.data(), fine.size(), back.data());
  EXPECT_EQ(back, row);
}

}  // namespace
}  // namespace imgring::codec
