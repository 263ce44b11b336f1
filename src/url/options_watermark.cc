// URL options of a watermark that imgproxy's paid edition has (paid.md section 10). Any thread.
// Promises: an argument that is empty or missing keeps what was there, but for URL and text, which
// an empty one takes back.
#include <algorithm>
#include <cmath>

#include "imgring/base/text.h"
#include "imgring/base/uri.h"
#include "options.h"

namespace imgring::url {
namespace {

// URL-safe Base64, with its padding or without.
Result<std::string> decoded_text(const Call& call) {
  std::string_view text = call.at(0);
  while (text.ends_with('=')) text.remove_suffix(1);
  auto decoded = base64url_decode(text);
  if (!decoded) return bad_argument(call, call.at(0), "URL-safe Base64");
  return std::move(*decoded);
}

bool is_text(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text.substr(at));
    if (length == 0 || text[at] == '\0') return false;
    at += length;
  }
  return true;
}

void add_shown(std::string_view name, std::string text, ShowContext& context) {
  context.fields.push_back({std::string(name), std::move(text)});
}

}  // namespace

// What it may be is checked once all options are read (UrlRules::parse).
Result<void> apply_watermark_url(const Call& call, ApplyContext& context) {
  IMGRING_TRY(context.pixels.watermark.url, decoded_text(call));
  return {};
}

// Its markup is read by who draws it.
Result<void> apply_watermark_text(const Call& call, ApplyContext& context) {
  IMGRING_TRY(std::string text, decoded_text(call));
  if (text.size() > kWatermarkTextBytesMax) {
    return bad_argument(call, std::to_string(text.size()) + " bytes", "a text of at most 4096");
  }
  if (!is_text(text)) return bad_argument(call, call.at(0), "a text of UTF-8");
  context.pixels.watermark.text = std::move(text);
  return {};
}

Result<void> apply_watermark_size(const Call& call, ApplyContext& context) {
  Watermark mark = context.pixels.watermark;
  if (!call.at(0).empty()) {
    IMGRING_TRY(mark.width, parse_size(call, call.at(0)));
  }
  if (!call.at(1).empty()) {
    IMGRING_TRY(mark.height, parse_size(call, call.at(1)));
  }
  context.pixels.watermark = std::move(mark);
  return {};
}

Result<void> apply_watermark_rotate(const Call& call, ApplyContext& context) {
  constexpr double kTurn = 360;
  if (call.at(0).empty()) return {};
  IMGRING_TRY(double degrees, parse_real(call, call.at(0)));
  degrees = std::fmod(degrees, kTurn);
  if (degrees < 0) degrees += kTurn;
  // The sum of a tiny negative one.
  context.pixels.watermark.rotate = degrees < kTurn ? degrees : 0;
  return {};
}

Result<void> apply_watermark_shadow(const Call& call, ApplyContext& context) {
  if (call.at(0).empty()) return {};
  IMGRING_TRY(const double sigma, parse_unsigned_real(call, call.at(0)));
  context.pixels.watermark.shadow = std::min(sigma, kShadowSigmaMax);
  return {};
}

void show_watermark_url(std::string_view name, ShowContext& context) {
  const Watermark& mark = context.pixels.watermark;
  if (!mark.url.empty()) add_shown(name, display_text(mark.url), context);
}

void show_watermark_text(std::string_view name, ShowContext& context) {
  const Watermark& mark = context.pixels.watermark;
  if (!mark.text.empty()) add_shown(name, mark.text, context);
}

void show_watermark_size(std::string_view name, ShowContext& context) {
  const Watermark& mark = context.pixels.watermark;
  if (mark.width == 0 && mark.height == 0) return;
  add_shown(name, std::to_string(mark.width) + ":" + std::to_string(mark.height), context);
}

void show_watermark_rotate(std::string_view name, ShowContext& context) {
  const Watermark& mark = context.pixels.watermark;
  if (mark.rotate != 0) add_shown(name, format_number(mark.rotate), context);
}

void show_watermark_shadow(std::string_view name, ShowContext& context) {
  const Watermark& mark = context.pixels.watermark;
  if (mark.shadow > 0) add_shown(name, format_number(mark.shadow), context);
}

}  // namespace imgring::url
