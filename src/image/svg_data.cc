// Links are decoded as the WHATWG says; the kind of a picture is found by its bytes.
#include "svg_data.h"

#include "imgring/base/text.h"
#include "imgring/image/sniff.h"

namespace imgring::image {
namespace {

constexpr std::string_view kScheme = "data:", kBase64 = "base64", kGzipStart = "\x1f\x8b";

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// What is no escape stays, as the WHATWG says.
std::string unescaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low >= 0) i += 2;
    out.push_back(low >= 0 ? static_cast<char>(high << 4 | low) : text[i]);
  }
  return out;
}

std::optional<std::string> decoded(std::string_view text) {
  std::string plain = link_without_spaces(text);
  while (plain.ends_with('=')) plain.pop_back();
  return base64_decode(plain);
}

}  // namespace

std::string link_without_spaces(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  for (const char c : value) {
    if (static_cast<unsigned char>(c) > 0x20) out.push_back(c);
  }
  return out;
}

std::optional<SvgData> read_data_link(std::string_view value) {
  while (!value.empty() && static_cast<unsigned char>(value[0]) <= 0x20) value.remove_prefix(1);
  const std::size_t comma = value.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  const std::string head = to_lower(link_without_spaces(value.substr(0, comma)));
  if (!head.starts_with(kScheme)) return std::nullopt;
  std::string_view body = value.substr(comma + 1);
  body = body.substr(0, body.find('#'));
  SvgData data;
  data.type = head.substr(kScheme.size(), head.find(';', kScheme.size()) - kScheme.size());
  data.bytes = unescaped(body);
  if (head.ends_with(kBase64)) {
    auto bytes = decoded(data.bytes);
    if (!bytes) return std::nullopt;
    data.bytes = std::move(*bytes);
  }
  data.picture = detect_type(as_bytes(data.bytes), {}, {});
  data.packed = data.bytes.starts_with(kGzipStart);
  const bool raster = data.picture != ImageType::kUnknown && data.picture != ImageType::kSvg;
  if (!raster && data.type.find("svg") != std::string::npos) data.picture = ImageType::kSvg;
  return data;
}

std::string data_link(std::string_view type, std::string_view bytes) {
  std::string out(kScheme);
  out += type;
  out += ";base64,";
  out += base64_encode(as_bytes(bytes));
  return out;
}

}  // namespace imgring::image
