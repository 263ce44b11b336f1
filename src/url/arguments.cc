// Parsers of single arguments (see arguments.h). Any thread.
#include "arguments.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "imgring/base/text.h"
#include "imgring/format/format.h"

namespace imgring::url {
namespace {

// In the order of GravityType.
constexpr auto kGravityNames = std::to_array<std::string_view>(
    {"", "ce", "no", "ea", "so", "we", "nowe", "noea", "sowe", "soea", "sm", "fp", "re", "ch"});
// In the order of ResizingType.
constexpr auto kResizingNames =
    std::to_array<std::string_view>({"fit", "fill", "fill-down", "force", "auto"});

// In the order of ResizingAlgorithm, and of config::UnsharpMode.
constexpr auto kAlgorithmNames =
    std::to_array<std::string_view>({"nearest", "linear", "cubic", "lanczos2", "lanczos3"});
constexpr auto kUnsharpNames = std::to_array<std::string_view>({"auto", "none", "always"});

// What imgproxy's paid edition can write and this program can't yet. PSD and RAW are formats of
// sources alone, there as well.
constexpr auto kUnbuiltResults = std::to_array<std::string_view>({"pdf", "mp4"});

GravityType gravity_by_name(std::string_view text) {
  const auto at = std::find(kGravityNames.begin() + 1, kGravityNames.end(), text);
  if (at == kGravityNames.end()) return GravityType::kUnset;
  return static_cast<GravityType>(at - kGravityNames.begin());
}

// Offsets of a gravity: empty or missing keeps what is there.
Result<void> parse_offsets(const Call& call, std::size_t first, bool fractions, Gravity& gravity) {
  double* const offsets[] = {&gravity.x, &gravity.y};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string_view text = call.at(first + i);
    if (text.empty()) continue;
    IMGRING_TRY(*offsets[i], fractions ? parse_fraction(call, text) : parse_offset(call, text));
  }
  return {};
}

}  // namespace

std::unexpected<Error> bad_argument(const Call& call, std::string_view text,
                                    std::string_view what) {
  return fail(ErrorCode::kInvalidUrl, "option " + std::string(call.name) + ": \"" +
                                          std::string(text.substr(0, 100)) + "\" is not " +
                                          std::string(what));
}

std::unexpected<Error> not_supported_yet(const Call& call, std::string_view what) {
  if (call.unsupported) *call.unsupported = true;
  return fail(ErrorCode::kInvalidUrl, std::string(what) + " is not supported yet");
}

bool parse_lenient_bool(const Call& call, std::string_view text) {
  const auto value = parse_bool(text);
  if (!value && call.warnings) {
    call.warnings->push_back("option " + std::string(call.name) + ": \"" +
                             std::string(text.substr(0, 100)) +
                             "\" is not a boolean, taken as false");
  }
  return value.value_or(false);
}

Result<std::int64_t> parse_whole(const Call& call, std::string_view text) {
  const auto value = parse_int(text);
  if (!value) return bad_argument(call, text, "an integer");
  return *value;
}

Result<int> parse_size(const Call& call, std::string_view text, std::int64_t max) {
  const auto value = parse_int(text);
  if (!value || *value < 0) return bad_argument(call, text, "an integer of at least 0");
  return static_cast<int>(std::min(*value, max));
}

Result<double> parse_real(const Call& call, std::string_view text) {
  const auto value = parse_float(text);
  if (!value || !std::isfinite(*value)) return bad_argument(call, text, "a number");
  return *value;
}

Result<double> parse_unsigned_real(const Call& call, std::string_view text) {
  IMGRING_TRY(const double value, parse_real(call, text));
  if (value < 0) return bad_argument(call, text, "a number of at least 0");
  return value;
}

Result<double> parse_positive_real(const Call& call, std::string_view text) {
  IMGRING_TRY(const double value, parse_real(call, text));
  if (value <= 0) return bad_argument(call, text, "a number above 0");
  return value;
}

Result<double> parse_fraction(const Call& call, std::string_view text) {
  IMGRING_TRY(const double value, parse_real(call, text));
  if (value < 0 || value > 1) return bad_argument(call, text, "a number between 0 and 1");
  return value;
}

Result<double> parse_offset(const Call& call, std::string_view text) {
  IMGRING_TRY(const double value, parse_real(call, text));
  return std::clamp(value, -kOffsetMax, kOffsetMax);
}

Result<double> parse_factor(const Call& call, std::string_view text) {
  IMGRING_TRY(const double value, parse_positive_real(call, text));
  return std::clamp(value, kFactorMin, kFactorMax);
}

Result<std::int64_t> parse_megapixels(const Call& call, std::string_view text) {
  IMGRING_TRY(const double value, parse_unsigned_real(call, text));
  // 9.2e18: the largest round number below 2^63.
  return static_cast<std::int64_t>(std::min(value * 1'000'000, 9.2e18));
}

Result<Color> parse_color(const Call& call, std::string_view text) {
  std::string digits(text);
  if (text.size() == 3) digits = {text[0], text[0], text[1], text[1], text[2], text[2]};
  const auto bytes = hex_decode(digits);
  if (!bytes || bytes->size() != 3) return bad_argument(call, text, "a colour of hex digits");
  const ByteSpan rgb = as_bytes(*bytes);
  return Color{rgb[0], rgb[1], rgb[2]};
}

Result<ImageType> parse_format(const Call& call, std::string_view text) {
  if (std::ranges::find(kUnbuiltResults, text) != kUnbuiltResults.end()) {
    return not_supported_yet(call, "format " + std::string(text));
  }
  const auto type = image_type_by_name(text);
  if (!type) return bad_argument(call, text, "an image format");
  return *type;
}

Result<void> parse_gravity(const Call& call, std::size_t first, GravitySet set, Gravity& gravity) {
  const std::string_view text = call.at(first);
  const std::size_t count = call.size() - std::min(first, call.size());
  const bool extend = set == GravitySet::kExtend;
  if ((text == "obj" || text == "objw") && !extend) {
    // Where the refusal is left out: what imgproxy takes when nothing is detected.
    gravity = {GravityType::kSmart};
    return not_supported_yet(call, "gravity " + std::string(text));
  }
  const GravityType type = gravity_by_name(text);
  const bool tiles = type == GravityType::kReplicate || type == GravityType::kChessboard;
  if (type == GravityType::kUnset || tiles || (extend && type == GravityType::kSmart)) {
    return bad_argument(call, text, "a gravity it takes");
  }
  if (count > (type == GravityType::kSmart ? 1u : 3u)) {
    return bad_argument(call, call.arguments.back(), "an argument of this gravity: too many");
  }
  const bool focus = type == GravityType::kFocusPoint;
  if (focus && count != 3) return bad_argument(call, text, "complete: fp needs x and y");
  Gravity result = gravity;
  result.type = type;
  if (type == GravityType::kSmart) result.x = result.y = 0;
  IMGRING_TRY_VOID(parse_offsets(call, first + 1, focus, result));
  gravity = result;
  return {};
}

Result<GravityType> parse_watermark_position(const Call& call, std::string_view text) {
  const GravityType type = gravity_by_name(text);
  const bool fits = type != GravityType::kUnset && type != GravityType::kSmart &&
                    type != GravityType::kFocusPoint;
  if (!fits) return bad_argument(call, text, "a watermark position");
  return type;
}

std::string_view name_of(GravityType type) noexcept {
  return kGravityNames[static_cast<std::size_t>(type)];
}

std::string_view name_of(ResizingType type) noexcept {
  return kResizingNames[static_cast<std::size_t>(type)];
}

std::string_view name_of(ResizingAlgorithm algorithm) noexcept {
  return kAlgorithmNames[static_cast<std::size_t>(algorithm)];
}

std::string_view name_of(config::UnsharpMode mode) noexcept {
  return kUnsharpNames[static_cast<std::size_t>(mode)];
}

Result<ResizingAlgorithm> parse_resizing_algorithm(const Call& call, std::string_view text) {
  const auto at = std::ranges::find(kAlgorithmNames, text);
  if (at == kAlgorithmNames.end()) return bad_argument(call, text, "a resizing algorithm");
  return static_cast<ResizingAlgorithm>(at - kAlgorithmNames.begin());
}

Result<config::UnsharpMode> parse_unsharp_mode(const Call& call, std::string_view text) {
  const auto at = std::ranges::find(kUnsharpNames, text);
  if (at == kUnsharpNames.end()) return bad_argument(call, text, "auto, none or always");
  return static_cast<config::UnsharpMode>(at - kUnsharpNames.begin());
}

Result<double> parse_direction(const Call& call, std::string_view text) {
  constexpr std::pair<std::string_view, double> kNames[] = {
      {"down", 0}, {"left", 90}, {"up", 180}, {"right", 270}};
  for (const auto& [name, degrees] : kNames) {
    if (text == name) return degrees;
  }
  IMGRING_TRY(const double degrees, parse_real(call, text));
  return std::fmod(degrees, 360);
}

Result<ResizingType> parse_resizing_type(const Call& call, std::string_view text) {
  const auto at = std::find(kResizingNames.begin(), kResizingNames.end(), text);
  if (at == kResizingNames.end()) return bad_argument(call, text, "a resizing type");
  return static_cast<ResizingType>(at - kResizingNames.begin());
}

}  // namespace imgring::url
