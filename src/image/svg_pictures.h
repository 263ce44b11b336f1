// A picture that an SVG holds in a data: link, made ready for the rasteriser: in a format and under
// a name that it reads, or left out.
// Plain functions; helper threads and the child only.
#pragma once

#include <cstdint>
#include <string>

#include "imgring/base/error.h"
#include "imgring/svg/data.h"
#include "svg_limits.h"

namespace imgring::image {

struct SvgPicture {
  bool kept = false;  // the link serves as it is
  std::string link;   // else this one; empty: none
  std::int64_t pixels = 0;
  double seconds = 0;   // that drawing it takes
  std::string refused;  // why an SVG is not to be drawn: a limit of what that costs
};

// What cannot be opened is left out and refuses nothing. Over budget.pixels nothing is decoded: the
// pixels tell.
SvgPicture prepare_picture(const svg::SvgData& data, const SvgBudget& budget, svg::SvgWork* work,
                           int depth);

}  // namespace imgring::image
