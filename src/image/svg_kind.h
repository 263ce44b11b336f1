// Drawing SVGs as a kind of work of the sandbox, and what its two sides say to each other beside
// sizes: the first question brings the source and looks at it; later ones look at another scale or
// ask for the pixels, RGBA in a room of width * height * 4 bytes.
// Values.
#pragma once

#include <cstdint>

#include "imgring/image/sandbox_kinds.h"

namespace imgring::image {

struct SvgQuestion {
  double scale = 1;
  std::int64_t pixels_max = 0;
  std::uint8_t draw = 0;  // else it is looked at
  std::uint8_t unlimited = 0;
  std::uint8_t served = 0;  // looked at only
  std::uint8_t text = 0;    // the source is a text, not an SVG
};

inline constexpr int kSvgBands = 4;

}  // namespace imgring::image
