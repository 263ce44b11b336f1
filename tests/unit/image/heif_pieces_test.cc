// What coded pictures become, from samples that the tests make up: means, and the size wanted.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "../../../src/image/heif_means.h"
#include "../../../src/image/heif_reduced.h"

namespace imgring::image::test {
namespace {

const StopFlag kNeverStopped;

struct Planes {
  std::vector<std::uint8_t> samples[3];
  int width = 0, height = 0, across = 1, down = 1;

  CodedPicture tile(int left, int top, int tile_width, int tile_height,
                    std::vector<std::uint8_t> (&room)[3]) const {
    CodedPicture out;
    out.matrix = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const int by_x = i == 0 ? 1 : across, by_y = i == 0 ? 1 : down;
      const int w = (tile_width + by_x - 1) / by_x, h = (tile_height + by_y - 1) / by_y;
      const int whole_w = (width + by_x - 1) / by_x, whole_h = (height + by_y - 1) / by_y;
      room[i].assign(static_cast<std::size_t>(w) * static_cast<std::size_t>(h), 77);
      for (int y = 0; y < h && top / by_y + y < whole_h; ++y) {
        for (int x = 0; x < w && left / by_x + x < whole_w; ++x) {
          room[i][static_cast<std::size_t>(y * w + x)] =
              samples[i][static_cast<std::size_t>((top / by_y + y) * whole_w + left / by_x + x)];
        }
      }
      out.planes[i] = {room[i].data(), static_cast<std::size_t>(w), w, h};
    }
    return out;
  }
};

Planes random_planes(int width, int height, int across, int down) {
  Planes planes;
  planes.width = width, planes.height = height, planes.across = across, planes.down = down;
  std::uint32_t seed = 12345;
  for (std::size_t i = 0; i < 3; ++i) {
    const int w = i == 0 ? width : (width + across - 1) / across;
    const int h = i == 0 ? height : (height + down - 1) / down;
    planes.samples[i].resize(static_cast<std::size_t>(w) * static_cast<std::size_t>(h));
    for (std::uint8_t& sample : planes.samples[i]) {
      seed = seed * 1664525 + 1013904223;
      sample = static_cast<std::uint8_t>(seed >> 24);
    }
  }
  return planes;
}

// Tile by tile, against all at once.
TEST(MeansOfPieces, DoNotDependOnTheTiles) {
  for (const auto& [across, down] : {std::pair{1, 1}, {2, 1}, {2, 2}}) {
    const Planes planes = random_planes(101, 67, across, down);
    for (const int shrink : {2, 4, 6, 14, 128}) {
      SCOPED_TRACE(std::to_string(across * 10 + down) + "/" + std::to_string(shrink));
      std::vector<std::uint8_t> room[3];
      format::HeifPieces one{0, 1, 101, 67, 1, true};
      MeansOfPieces alone(101, 67, shrink, one);
      ASSERT_TRUE(alone.take(planes.tile(0, 0, 101, 67, room)));
      const auto expected = alone.finish();
      ASSERT_TRUE(expected.has_value());
      format::HeifPieces grid{0, 12, 30, 24, 1, true};
      MeansOfPieces tiled(101, 67, shrink, grid);
      for (int top = 0; top < 67; top += 24) {
        for (int left = 0; left < 101; left += 30) {
          ASSERT_TRUE(tiled.take(planes.tile(left, top, 30, 24, room)));
        }
      }
      EXPECT_FALSE(tiled.take(planes.tile(0, 0, 30, 24, room)));
      const auto made = tiled.finish();
      ASSERT_TRUE(made.has_value());
      ASSERT_EQ(made->width, expected->width);
      ASSERT_EQ(made->height, expected->height);
      EXPECT_EQ(std::memcmp(made->row(0), expected->row(0),
                            made->row_bytes() * static_cast<std::size_t>(made->height)),
                0);
    }
  }
}

TEST(MeansOfPieces, AreThoseOfEachSample) {
  const Planes planes = random_planes(53, 31, 2, 2);
  std::vector<std::uint8_t> room[3];
  MeansOfPieces means(53, 31, 4, {0, 1, 53, 31, 5, true});
  ASSERT_TRUE(means.take(planes.tile(0, 0, 53, 31, room)));
  const auto made = means.finish();
  ASSERT_TRUE(made.has_value());
  const auto mean = [&](std::size_t i, int box_x, int box_y) {
    const int box = i == 0 ? 4 : 2, w = i == 0 ? 53 : 27, h = i == 0 ? 31 : 16;
    double sum = 0;
    int count = 0;
    for (int y = box_y * box; y < std::min(h, (box_y + 1) * box); ++y) {
      for (int x = box_x * box; x < std::min(w, (box_x + 1) * box); ++x, ++count) {
        sum += planes.samples[i][static_cast<std::size_t>(y * w + x)];
      }
    }
    return sum / count;
  };
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 14; ++x) {
      // BT.601 of full range, whose red is Y + 1.402 Cr.
      const double red = mean(0, x, y) + 1.402 * (mean(2, x, y) - 128);
      EXPECT_NEAR(made->row(y)[3 * x], std::clamp(red, 0.0, 255.0), 0.51) << x << " " << y;
    }
  }
}

// Of one colour all is that colour, whatever the planes' sizes are; grey has no planes of colours.
TEST(PlanesOfPieces, OneColourStaysThatColour) {
  for (const auto& [across, down] : {std::pair{1, 1}, {2, 1}, {2, 2}}) {
    for (const bool grey : {false, true}) {
      Planes planes = random_planes(101, 67, across, down);
      const std::uint8_t values[] = {120, 90, 200};
      for (std::size_t i = 0; i < 3; ++i) std::ranges::fill(planes.samples[i], values[i]);
      std::vector<std::uint8_t> room[3];
      CodedPicture piece = planes.tile(0, 0, 101, 67, room);
      piece.grey = grey;
      PlanesOfPieces pieces(101, 67, {101, 67, 40, 27, 101 / 40.0, 67 / 27.0},
                            {0, 1, 101, 67, 5, true}, kNeverStopped);
      ASSERT_TRUE(pieces.take(piece));
      const auto made = pieces.finish();
      ASSERT_TRUE(made.has_value() && *made);
      // BT.601 of full range, whose red is Y + 1.402 Cr.
      const int red = grey ? 120 : static_cast<int>(120 + 1.402 * (200 - 128) + 0.5);
      for (int x = 0; x < 40; ++x) EXPECT_EQ((*made)->row(x % 27)[3 * x], red);
    }
  }
}

TEST(PlanesOfPieces, MissingOnesAreNoPicture) {
  const Planes planes = random_planes(64, 64, 2, 2);
  std::vector<std::uint8_t> room[3];
  PlanesOfPieces missing(64, 64, {64, 64, 16, 16, 4, 4}, {0, 4, 32, 32, 1, true}, kNeverStopped);
  EXPECT_TRUE(missing.take(planes.tile(0, 0, 32, 32, room)));
  const auto made = missing.finish();
  ASSERT_TRUE(made.has_value());
  EXPECT_FALSE(made->has_value());
  PlanesOfPieces other(64, 64, {64, 64, 16, 16, 4, 4}, {0, 4, 32, 16, 1, true}, kNeverStopped);
  EXPECT_FALSE(other.take(planes.tile(0, 0, 32, 32, room)));
}

TEST(MeansOfPieces, OthersThanAnnouncedAreRefused) {
  const Planes planes = random_planes(64, 64, 2, 2);
  std::vector<std::uint8_t> room[3];
  const CodedPicture tile = planes.tile(0, 0, 32, 32, room);
  const auto takes = [&tile](int width, const format::HeifPieces& pieces) {
    return MeansOfPieces(width, 64, 2, pieces).take(tile);
  };
  EXPECT_TRUE(takes(64, {0, 4, 32, 32, 1, true}));
  EXPECT_FALSE(takes(64, {0, 3, 32, 32, 1, true}));  // too few for the whole
  EXPECT_FALSE(takes(64, {0, 4, 32, 16, 1, true}));  // other ones
  EXPECT_FALSE(takes(64, {0, 4, 32, 32, 0, true}));  // no matrix
  EXPECT_FALSE(takes(64, {0, 1, 32, 32, 1, true}));  // a part of it
  EXPECT_FALSE(takes(63, {1, 4, 32, 32, 1, true}));  // a turn of what does not divide
  MeansOfPieces missing(64, 64, 2, {0, 4, 32, 32, 1, true});
  EXPECT_TRUE(missing.take(tile));
  EXPECT_FALSE(missing.finish().has_value());
}

}  // namespace
}  // namespace imgring::image::test
