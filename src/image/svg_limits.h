// What is done with an SVG before the rasteriser draws it: limits of what that costs, and pictures
// inside in forms that every rasteriser reads.
// Plain functions; helper threads and the child only (pictures are opened).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "imgring/base/error.h"
#include "imgring/base/text.h"
#include "imgring/image/svg_work.h"
#include "svg_scene.h"

namespace imgring::image {

struct SvgBudget {
  std::int64_t pixels = 0;  // of all pictures inside together
  double seconds = 0;       // of CPU
};

// Before it is read: style that is tried on every element, and what ends the rasteriser at once.
// `source`: UTF-8.
Result<void> check_svg_loading(ByteSpan source, const SvgBudget& budget, SvgWork* work);
// Before it is drawn. nullopt: it is drawn as it is. Pictures that cannot be opened are left out
// and refuse nothing. Malformed markup is no limit: the rasteriser says that in its own words.
Result<std::optional<std::string>> prepare_svg(ByteSpan source, const SvgCanvas& canvas,
                                               const SvgBudget& budget, SvgWork* work,
                                               int depth = 0);

}  // namespace imgring::image
