// Whether an SVG may be drawn at all, by what that costs.
// Helper threads and the child only: the pictures inside are opened.
#pragma once

#include <cstddef>
#include <cstdint>

#include "imgring/base/error.h"
#include "imgring/base/text.h"
#include "imgring/svg/work.h"

namespace imgring::image {

// Pixels of one drawing; 134 million of them.
inline constexpr std::size_t kSvgPixelBytesMax = std::size_t{512} << 20;

// Limits of what drawing costs (svg/scene.h), in UTF-8 or any other encoding. Opens the pictures
// inside: helper threads only.
inline constexpr std::int64_t kSvgPixelsMaxOtherwise = 50'000'000;
inline constexpr double kSvgSecondsMaxOtherwise = 10;
struct SvgDemand {
  double width = 0, height = 0;  // pixels that are drawn
  std::int64_t pixels_max = 0;   // of all pictures inside together; 0: the default
  double seconds_max = 0;        // 0: the default
};
Result<void> check_svg_limits(ByteSpan source, const SvgDemand& demand = {});
Result<void> check_svg_limits(ByteSpan source, const SvgDemand& demand, svg::SvgWork* work);

}  // namespace imgring::image
