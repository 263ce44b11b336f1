// Means of boxes by wide registers, against the plain loops.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "imgring/codec/resize.h"

namespace imgring::codec {
namespace {

TEST(BoxMeans, AreTheSameOnEveryLevel) {
  std::minstd_rand engine;
  for (const int across : {1, 2, 3, 4, 5, kBoxMax}) {
    for (const int down : {1, 2, 3, kBoxMax}) {
      for (const std::size_t count : {1u, 7u, 8u, 41u}) {
        const std::size_t samples = count * static_cast<std::size_t>(across) * kBandsMax;
        std::vector<std::uint16_t> sums(samples + kRowPadBytes);
        for (auto& sum : sums) sum = static_cast<std::uint16_t>(engine() % (255u * down + 1));
        sums[0] = sums[1] = static_cast<std::uint16_t>(255 * down);
        for (std::size_t bands = 1; bands <= kBandsMax; ++bands) {
          const BoxMeans boxes{across, down, count};
          std::vector<std::uint8_t> plain(count * bands + kRowPadBytes), wide = plain;
          plain_resize_loops().means[bands - 1](sums.data(), boxes, plain.data());
          for (const LoopsOfLevel& level : resize_loops_of_all_levels()) {
            level.loops->means[bands - 1](sums.data(), boxes, wide.data());
            EXPECT_TRUE(std::equal(plain.begin(), plain.begin() + count * bands, wide.begin()))
                << level.name << " " << across << " x " << down << " bands " << bands;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace imgring::codec
