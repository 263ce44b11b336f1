// What is done with an SVG before the rasteriser draws it: limits of what that costs, and pictures
// inside in forms that every rasteriser reads.
// Plain functions; helper threads and the child only (pictures are opened).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "imgring/base/error.h"
#include "imgring/base/text.h"
#include "imgring/svg/scene.h"
#include "imgring/svg/work.h"

namespace imgring::image {

struct SvgBudget {
  std::int64_t pixels = 0;  // of all pictures inside together
  double seconds = 0;       // of CPU
};

// Errors are limits of the markup (svg/parser.h); what is over a limit of cost is told in words,
// since it counts only where it is drawn. Malformed markup is no limit: the rasteriser says that in
// its own words.
//
// Before it is read: style that is tried on every element, and what ends the rasteriser at once.
// Empty: nothing. `source`: UTF-8.
Result<std::string> check_svg_loading(ByteSpan source, const SvgBudget& budget, svg::SvgWork* work);

struct SvgPrepared {
  std::string refused;              // over a limit of cost
  std::optional<std::string> text;  // nullopt: it is drawn as it is
};
// Before it is drawn. Pictures that cannot be opened are left out and refuse nothing.
Result<SvgPrepared> prepare_svg(ByteSpan source, const svg::SvgCanvas& canvas,
                                const SvgBudget& budget, svg::SvgWork* work, int depth = 0);

// The error of those words; nothing for none.
Result<void> refuse_svg(const std::string& why);

}  // namespace imgring::image
