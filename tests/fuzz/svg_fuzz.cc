// Fuzz target: the SVG sanitiser and limits. What it checks beside memory errors: sanitising
// twice changes nothing and leaves nothing that runs.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "imgring/base/check.h"
#include "imgring/image/svg_check.h"
#include "imgring/svg/svg.h"
#include "target.h"

namespace {

/// Whether a tag of that very name is open somewhere: `<scripture>` is no `<script>`.
bool has_element(std::string_view text, std::string_view name) {
  for (std::size_t at = text.find('<'); at != std::string_view::npos; at = text.find('<', at + 1)) {
    const std::string_view tag = text.substr(at + 1);
    if (tag.starts_with(name) &&
        (tag.size() == name.size() || std::string_view(" \t\r\n/>").contains(tag[name.size()]))) {
      return true;
    }
  }
  return false;
}

}  // namespace

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
  for (const std::string_view element : {"script", "iframe", "form"}) {
    IMGRING_CHECK(!has_element(*once, element));
  }
  for (const std::string_view markup : {"<!DOCTYPE", "<!ENTITY", "<!--", "<![CDATA["}) {
    IMGRING_CHECK(once->find(markup) == std::string::npos);
  }
  return 0;
}
