// Headers and roots: whichever tells.
#include "imgring/pipeline/read_facts.h"

#include <algorithm>
#include <cmath>

#include "imgring/format/format.h"
#include "imgring/format/headers.h"
#include "imgring/svg/svg.h"

namespace imgring::pipeline {

std::optional<format::SourceFacts> read_facts(ByteSpan source, ImageType type, int frames_max) {
  if (!facts_of(type).vector) {
    return format::facts_of_header(source, type, frames_max);
  }
  const auto size = svg::svg_root_size(source);
  if (!size) return std::nullopt;
  const auto side = [](double v) {
    constexpr double kMost = 1 << 20;
    return static_cast<int>(std::clamp(std::round(v), 1.0, kMost));
  };
  format::SourceFacts out;
  out.type = type;
  out.width = side(size->width);
  out.height = side(size->height);
  out.alpha = true;
  return out;
}

}  // namespace imgring::pipeline
