// Links are decoded as the WHATWG says; the kind of a picture is found by its bytes.
#include "imgring/svg/data.h"

#include <algorithm>

#include "imgring/base/text.h"
#include "imgring/format/sniff.h"
#include "imgring/mem/gzip.h"

namespace imgring::svg {
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

// Nothing, when it is damaged or more than may be unpacked.
std::optional<std::string> unpacked(std::string_view packed, SvgWork* work) {
  mem::Gunzip gunzip;
  std::string out;
  for (ByteSpan left = as_bytes(packed);;) {
    const std::size_t before = out.size();
    const std::size_t room = std::min(mem::kGunzipStepBytesMax, work->unpack_left_bytes);
    if (room == 0) return std::nullopt;
    out.resize(before + room);
    const auto step = gunzip.step(left, {reinterpret_cast<std::uint8_t*>(&out[before]), room});
    if (!step) return std::nullopt;
    out.resize(before + step->produced_bytes);
    work->unpack_left_bytes -= step->produced_bytes;
    if (!work->spend(step->produced_bytes + step->consumed_bytes)) return std::nullopt;
    left = left.subspan(step->consumed_bytes);
    if (!step->needs_input) continue;
    if (!gunzip.finish()) return std::nullopt;
    return out;
  }
}

// No picture but a vector begins so, whatever stands where another format's name would.
bool begins_as_markup(std::string_view bytes) noexcept {
  constexpr std::string_view kMark = "\xEF\xBB\xBF", kSpace = " \t\r\n\f";
  if (bytes.starts_with(kMark)) bytes.remove_prefix(kMark.size());
  const std::size_t first = bytes.find_first_not_of(kSpace);
  return first != std::string_view::npos && bytes[first] == '<';
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

std::optional<SvgData> read_data_link(std::string_view value, SvgWork* work) {
  while (!value.empty() && static_cast<unsigned char>(value[0]) <= 0x20) value.remove_prefix(1);
  const std::size_t comma = value.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  const std::string head = to_lower(link_without_spaces(value.substr(0, comma)));
  if (!head.starts_with(kScheme)) return std::nullopt;
  std::string_view body = value.substr(comma + 1);
  SvgData data;
  data.fragment = body.find('#') != std::string_view::npos;
  body = body.substr(0, body.find('#'));
  data.type = head.substr(kScheme.size(), head.find(';', kScheme.size()) - kScheme.size());
  data.bytes = unescaped(body);
  if (head.ends_with(kBase64)) {
    auto bytes = decoded(data.bytes);
    if (!bytes) return std::nullopt;
    data.bytes = std::move(*bytes);
  }
  const bool svg = data.type.find("svg") != std::string::npos;
  if (svg && data.bytes.starts_with(kGzipStart)) {
    auto plain = unpacked(data.bytes, work);
    if (!plain) return std::nullopt;
    data.bytes = std::move(*plain);
    data.packed = true;
  }
  data.picture = format::detect_type(as_bytes(data.bytes), {}, {});
  const bool raster = data.picture != ImageType::kUnknown && data.picture != ImageType::kSvg;
  if (svg && (!raster || begins_as_markup(data.bytes))) data.picture = ImageType::kSvg;
  return data;
}

std::string data_link(std::string_view type, std::string_view bytes) {
  std::string out(kScheme);
  out += type;
  out += ";base64,";
  out += base64_encode(as_bytes(bytes));
  return out;
}

}  // namespace imgring::svg
