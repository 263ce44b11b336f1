// The sanitiser for SVGs that a link of another SVG holds. Any thread.
#pragma once

#include <string>

#include "imgring/base/error.h"
#include "imgring/base/text.h"
#include "imgring/svg/work.h"

namespace imgring::svg {

// As sanitize_svg(); `depth`: SVGs around it.
Result<std::string> sanitize_svg_inside(ByteSpan source, SvgWork* work, int depth);

}  // namespace imgring::svg
