// Hashes that show or compare pictures (info.md section 5). Plain functions, any thread.
// Promises: work in proportion to the pixels given, which are to be few.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "imgring/info/pixels.h"

namespace imgring::info {

// https://github.com/woltapp/blurhash: x and y of 1..9 components, over white; 4 + 2xy characters.
struct BlurhashSize {
  int x = 0, y = 0;
};
std::string blurhash(const Pixels& pixels, BlurhashSize components);

// https://evanw.github.io/thumbhash: of a picture of at most 100 x 100.
inline constexpr int kThumbHashSideMax = 100;
std::vector<std::uint8_t> thumb_hash(const Pixels& pixels);

// Of 32 x 32 grey pixels: DCT-II, the 64 lowest frequencies against their median, row by row, the
// first bit highest (PyPI's imagehash.phash).
inline constexpr int kPerceptualSide = 32;
std::uint64_t perceptual_hash(ByteSpan grey);

}  // namespace imgring::info
