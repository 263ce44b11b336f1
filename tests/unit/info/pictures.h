// Pictures that a formula makes, the same here and where the vectors of other implementations were
// recorded.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "imgring/info/pixels.h"

namespace imgring::info::testing {

struct Made {
  int width, height;
  std::uint32_t seed;
  bool alpha;
};

// Ramps with noise of 5 bits; with alpha a clear corner, and half clear to solid beside it.
inline std::vector<std::uint8_t> made(const Made& m) {
  std::vector<std::uint8_t> out;
  std::uint32_t state = m.seed;
  const auto ramp = [](int at, int most, int count) { return at * most / std::max(count - 1, 1); };
  for (int y = 0; y < m.height; ++y) {
    for (int x = 0; x < m.width; ++x) {
      state = state * 1664525u + 1013904223u;
      const int noise = static_cast<int>(state >> 27);
      const int red = m.seed % 2 != 0 ? (ramp(x, 255, m.width) + noise) & 255
                                      : std::min(255, ramp(x, 200, m.width) + noise);
      const int green = std::min(255, ramp(y, 200, m.height) + noise);
      const int blue = (x + y) * 180 / std::max(m.width + m.height - 2, 1) + noise;
      const bool clear = x * 3 < m.width && y * 2 < m.height;
      const int alpha = clear ? 0 : std::min(255, 128 + ramp(x, 127, m.width));
      for (const int v : {red, green, blue, m.alpha ? alpha : 255}) {
        out.push_back(static_cast<std::uint8_t>(v));
      }
    }
  }
  return out;
}

inline Pixels view(const std::vector<std::uint8_t>& rgba, const Made& m) {
  return {rgba, m.width, m.height};
}

}  // namespace imgring::info::testing
