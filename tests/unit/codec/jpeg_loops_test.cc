// The loops of the JPEG decoder: each level of the processor, and a transform in doubles.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "../../../src/codec/jpeg/components.h"

namespace imgring::codec::jpeg {
namespace {

using Samples = std::vector<std::uint8_t>;

constexpr TransformSize kTransformSizes[] = {{1, 1}, {2, 2}, {4, 4}, {8, 8}, {2, 1}, {4, 2},
                                             {8, 4}, {1, 2}, {2, 4}, {4, 8}, {4, 1}, {8, 2}};

std::vector<std::int16_t> random_set(std::mt19937& random, int range) {
  std::vector<std::int16_t> set(64 * kLanes);
  for (auto& v : set)
    v = static_cast<std::int16_t>(
        static_cast<int>(random() % static_cast<unsigned>(2 * range + 1)) - range);
  return set;
}

Samples transformed(const Loops& loops, JpegKernel kernel, TransformSize size,
                    const std::vector<std::int16_t>& set, const Dequant* dequant) {
  Samples out(static_cast<std::size_t>(size.nx * size.ny * kLanes));
  loops.transform(kernel, size)(set.data(), dequant, out.data(), size.nx * kLanes);
  return out;
}

TEST(JpegLoops, EveryLevelGivesTheSameBytes) {
  std::mt19937 random(3);
  Samples bytes(400);
  for (auto& b : bytes) b = static_cast<std::uint8_t>(random() % 4 == 0 ? 0xFF : random());
  std::vector<std::int16_t> sums(200);
  for (auto& s : sums) s = static_cast<std::int16_t>(random() % 1021);
  const auto set = random_set(random, 32000);
  std::array<Dequant, 64> dequant;
  for (auto& d : dequant) {
    d.whole = static_cast<std::int16_t>(random() % 300);
    d.fraction = static_cast<std::int16_t>(random() % 65535 - 32767);
  }
  const auto all_of = [&](const Loops& loops) {
    Samples all;
    for (const JpegKernel kernel : {JpegKernel::kLow, JpegKernel::kBox}) {
      for (const TransformSize size : kTransformSizes) {
        const Samples out = transformed(loops, kernel, size, set, dequant.data());
        all.insert(all.end(), out.begin(), out.end());
      }
    }
    Samples out(600 + kJpegRowPadBytes);
    const ColourPlanes planes{bytes.data(), bytes.data() + 100, bytes.data() + 200};
    loops.colour(planes, out.data(), 97);
    all.insert(all.end(), out.begin(), out.begin() + 3 * 97);
    loops.interleave(planes, out.data(), 97);
    all.insert(all.end(), out.begin(), out.begin() + 3 * 97);
    for (const int shift : {2, 4}) {
      loops.widen(sums.data() + 1, shift, out.data(), 90);
      all.insert(all.end(), out.begin(), out.begin() + 180);
    }
    loops.narrow(sums.data(), 2, out.data(), 90);
    all.insert(all.end(), out.begin(), out.begin() + 90);
    std::vector<std::int16_t> blended(140);
    loops.blend(bytes.data(), bytes.data() + 150, blended.data(), 99);
    for (int i = 0; i < 99; ++i) {
      all.push_back(static_cast<std::uint8_t>(blended[static_cast<std::size_t>(i)]));
      all.push_back(static_cast<std::uint8_t>(blended[static_cast<std::size_t>(i)] >> 8));
    }
    return all;
  };
  const auto levels = loops_of_all_levels();
  ASSERT_FALSE(levels.empty());
  const Samples expected = all_of(*levels.front().loops);
  for (const NamedLoops& level : levels) {
    SCOPED_TRACE(level.name);
    EXPECT_EQ(all_of(*level.loops), expected);
  }
}

double cosine(int n, int x, int u) {
  const double scale = u == 0 ? std::sqrt(1.0 / n) : std::sqrt(2.0 / n);
  return scale * std::cos((2 * x + 1) * u * 3.14159265358979323846 / (2 * n));
}

// Pixel of a block that becomes nx by ny, from its low coefficients alone or as a box's mean.
double exact_pixel(JpegKernel kernel, TransformSize size, const std::int16_t* block, int x, int y) {
  double sum = 128;
  const bool low = kernel == JpegKernel::kLow;
  for (int v = 0; v < (low ? size.ny : 8); ++v) {
    for (int u = 0; u < (low ? size.nx : 8); ++u) {
      double across = 0, down = 0;
      if (low) {
        across = cosine(size.nx, x, u) * std::sqrt(size.nx / 8.0);
        down = cosine(size.ny, y, v) * std::sqrt(size.ny / 8.0);
      } else {
        const int wide = 8 / size.nx, high = 8 / size.ny;
        for (int i = 0; i < wide; ++i) across += cosine(8, x * wide + i, u) / wide;
        for (int i = 0; i < high; ++i) down += cosine(8, y * high + i, v) / high;
      }
      sum += block[v * 8 + u] * across * down;
    }
  }
  return std::clamp(sum, 0.0, 255.0);
}

// Each transform and kernel against doubles: less than a level away.
TEST(JpegLoops, TransformsAreExactToALevel) {
  std::mt19937 random(11);
  for (const JpegKernel kernel : {JpegKernel::kLow, JpegKernel::kBox}) {
    for (const TransformSize size : kTransformSizes) {
      const AxisInputs across = inputs_of(kernel, size.nx), down = inputs_of(kernel, size.ny);
      std::vector<std::int16_t> blocks(64 * kLanes), set(64 * kLanes);
      std::array<Dequant, 64> dequant;
      for (auto& v : blocks) v = static_cast<std::int16_t>(static_cast<int>(random() % 61) - 30);
      for (int slot = 0; slot < across.count * down.count; ++slot) {
        const auto u = static_cast<std::size_t>(slot % across.count);
        const auto v = static_cast<std::size_t>(slot / across.count);
        const double weight = (1 << kFractionBits) * across.scale[u] * down.scale[v];
        const double whole = std::trunc(weight);
        dequant[static_cast<std::size_t>(slot)] = {
            static_cast<std::int16_t>(whole),
            static_cast<std::int16_t>(std::lround((weight - whole) * 32767))};
        for (int lane = 0; lane < kLanes; ++lane) {
          set[static_cast<std::size_t>(slot * kLanes + lane)] =
              blocks[static_cast<std::size_t>(lane * 64 + down.at[v] * 8 + across.at[u])];
        }
      }
      const Samples out = transformed(loops(), kernel, size, set, dequant.data());
      double most = 0;
      for (std::size_t i = 0; i < out.size(); ++i) {
        const int x = static_cast<int>(i) % (size.nx * kLanes);
        const int y = static_cast<int>(i) / (size.nx * kLanes);
        const std::int16_t* block = blocks.data() + x / size.nx * 64;
        const double exact = exact_pixel(kernel, size, block, x % size.nx, y);
        most = std::max(most, std::abs(out[i] - exact));
      }
      EXPECT_LT(most, 1.0) << size.nx << " x " << size.ny << (kernel == JpegKernel::kBox);
    }
  }
}

// Bytes without stuffing, at every distance from the end and for markers everywhere.
TEST(JpegLoops, UnstuffingEndsAtMarkersAndNeverBeyondTheEnd) {
  std::mt19937 random(7);
  for (const NamedLoops& level : loops_of_all_levels()) {
    for (int i = 0; i < 2000; ++i) {
      Samples in(random() % 120);
      Samples expected;
      for (auto& b : in) b = static_cast<std::uint8_t>(random() % 5 == 0 ? 0xFF : random() % 3);
      std::size_t at = 0;
      while (at < in.size() && (in[at] != 0xFF || (at + 1 < in.size() && in[at + 1] == 0))) {
        expected.push_back(in[at]);
        at += in[at] == 0xFF ? 2 : 1;
      }
      in.shrink_to_fit();  // so that reading past the end is seen
      Samples out(in.size() + 1000);
      Unstuffing u{in.data(), in.data() + in.size(), out.data(), out.data() + 900};
      EXPECT_TRUE(level.loops->unstuff(&u));
      EXPECT_EQ(u.in - in.data(), static_cast<std::ptrdiff_t>(at));
      EXPECT_EQ(Samples(out.data(), u.out), expected);
    }
  }
}

}  // namespace
}  // namespace imgring::codec::jpeg
