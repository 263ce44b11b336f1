// Schemes by name; a picture inside a link by its bytes, and an SVG there by the sanitiser.
#include "links.h"

#include "imgring/base/text.h"
#include "imgring/svg/data.h"
#include "sanitizer.h"

namespace imgring::svg {
namespace {

bool has_scheme(std::string_view link) noexcept {
  const std::size_t end = link.find_first_of(":/?#\\");
  return end != std::string_view::npos && link[end] == ':';
}

bool is_font(std::string_view type) noexcept {
  return type.starts_with("font/") || type.find("font") != std::string_view::npos ||
         type == "application/octet-stream";
}

}  // namespace

bool names_javascript(std::string_view value) {
  const std::string plain = to_lower(link_without_spaces(value));
  return plain.find("javascript:") != std::string::npos;
}

// Every kind that is no SVG runs nothing, whether it can be decoded or not.
std::optional<std::string> SvgLinks::picture(std::string_view value) {
  work_->spend(value.size());
  const std::optional<SvgData> data = read_data_link(value, work_);
  const std::string head = to_lower(link_without_spaces(value.substr(0, value.find(','))));
  const bool image = head.starts_with("data:image/");
  if (!data)
    return image && head.find("svg") == std::string::npos ? std::optional<std::string>(value)
                                                          : std::nullopt;
  if (data->picture != ImageType::kSvg) {
    const bool known = data->picture != ImageType::kUnknown;
    if (image || known) return std::string(value);
    return std::nullopt;
  }
  if (depth_ >= kSvgInsideDepthMax) return std::nullopt;
  const auto clean = sanitize_svg_inside(as_bytes(data->bytes), work_, depth_ + 1);
  if (!clean) return std::nullopt;
  const bool same = *clean == data->bytes && data->type == "image/svg+xml" && !data->packed;
  if (same) return std::string(value);
  return data_link("image/svg+xml", *clean);
}

std::optional<std::string> SvgLinks::link(std::string_view element, std::string_view value) {
  const std::string plain = to_lower(link_without_spaces(value));
  if (plain.empty() || plain[0] == '#') return std::string(value);
  if (element == "use") return std::nullopt;
  if (plain.starts_with("http:") || plain.starts_with("https:")) return std::string(value);
  if (plain.starts_with("data:") && (element == "image" || element == "feimage")) {
    return picture(value);
  }
  if (has_scheme(plain)) return std::nullopt;
  return std::string(value);
}

std::optional<std::string> SvgLinks::address(std::string_view value) {
  const std::string plain = to_lower(link_without_spaces(value.substr(0, value.find(','))));
  if (plain.empty() || plain[0] == '#') return std::string(value);
  if (!plain.starts_with("data:")) return std::nullopt;
  const std::string type = plain.substr(5, plain.find(';') - 5);
  if (is_font(type)) return std::string(value);
  return picture(value);
}

}  // namespace imgring::svg
