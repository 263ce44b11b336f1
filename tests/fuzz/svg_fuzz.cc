// Fuzz target: the SVG sanitiser and limits. What it checks beside memory errors: sanitising
// twice changes nothing and leaves nothing that runs.
#include <cstddef>
#include <cstdint>
#include <string>

#include "imgring/base/check.h"
#include "imgring/image/svg_check.h"
#include "imgring/svg/svg.h"
#include "target.h"

FUZZ_TARGET(svg) {
  using namespace imgring;
  const ByteSpan bytes(data, size);
  static_cast<void>(image::check_svg_limits(bytes));
  const auto once = svg::sanitize_svg(bytes);
  if (!once) {
    IMGRING_CHECK(once.error().code == ErrorCode::kBrokenSvg);
    return 0;
  }
  const auto twice = svg::sanitize_svg(as_bytes(*once));
  IMGRING_CHECK(twice.has_value());
  IMGRING_CHECK(*twice == *once);
  for (const std::string_view tag :
       {"<script", "<iframe", "<form", "<!DOCTYPE", "<!ENTITY", "<!--", "<![CDATA["}) {
    IMGRING_CHECK(once->find(tag) == std::string::npos);
  }
  return 0;
}
