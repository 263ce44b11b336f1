// Arguments of URL options, by the types of the specification (processing.md section 1).
// Plain functions, any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/base/error.h"
#include "imgring/url/processing_options.h"

namespace imgring::url {

using Arguments = std::span<const std::string_view>;

// One option being applied: its name as written (for the error's detail) and its arguments.
struct Call {
  std::string_view name;
  Arguments arguments;
  std::vector<std::string>* warnings = nullptr;
  // Set where the refusal is of something that is known and not built.
  bool* unsupported = nullptr;

  std::size_t size() const noexcept { return arguments.size(); }
  // The argument, empty when it is missing: "empty or missing: keep" is one test.
  std::string_view at(std::size_t i) const noexcept {
    return i < arguments.size() ? arguments[i] : std::string_view();
  }
};

// What is larger counts as that: it is beyond any picture, and sums of it stay numbers.
// Sizes; padding and pixelate.
inline constexpr std::int64_t kSizeMax = 2147483647, kPixelsMax = 100'000'000;
// Offsets of gravities and watermarks, either way: less pushes a picture to the border.
inline constexpr double kOffsetMax = 1e9;
// Zoom and dpr: from a picture of the largest side to one pixel, and back.
inline constexpr double kFactorMin = 1e-6, kFactorMax = 1e6;
// Blur and sharpen: libvips' own limit.
inline constexpr double kSigmaMax = 1000;
// Trim: no two colours of 16 bits are so far apart.
inline constexpr double kThresholdMax = 1e6;
// Contrast and saturation: beyond it every channel is at an end. Ratios, weights: kFactor*.
inline constexpr double kGainMax = 1000;
// Directions and their ends: what is farther is as far.
inline constexpr double kRampMax = 1e6;
// Dots per inch: what a JPEG's 16 bits hold; less than one is one.
inline constexpr double kDpiMax = 65535;
inline constexpr std::size_t kWatermarkTextBytesMax = 4096;
inline constexpr std::size_t kBlurAreasMax = 64;  // each is a blur of its own
// A sheet is parsed by each request; real ones have some hundred bytes.
inline constexpr std::size_t kStyleBytesMax = std::size_t{64} << 10;
// Of the tags of one answer: they stand in two lines of its head.
inline constexpr std::size_t kCacheTagsBytesMax = std::size_t{4} << 10;
// Scale of a watermark: sides of the result. Its shadow: of a greater sigma nothing is to be seen.
inline constexpr double kWatermarkScaleMax = 100, kShadowSigmaMax = 100;

std::unexpected<Error> bad_argument(const Call& call, std::string_view text, std::string_view what);
std::unexpected<Error> not_supported_yet(const Call& call, std::string_view what);

// Anything that is no boolean is false, with a warning: imgproxy's leniency.
bool parse_lenient_bool(const Call& call, std::string_view text);
Result<std::int64_t> parse_whole(const Call& call, std::string_view text);
// 0 and above; larger than `max` counts as `max`.
Result<int> parse_size(const Call& call, std::string_view text, std::int64_t max = kSizeMax);
// NaN and infinity are refused.
Result<double> parse_real(const Call& call, std::string_view text);
Result<double> parse_unsigned_real(const Call& call, std::string_view text);
Result<double> parse_positive_real(const Call& call, std::string_view text);
Result<double> parse_fraction(const Call& call, std::string_view text);  // 0..1
Result<double> parse_offset(const Call& call, std::string_view text);    // within kOffsetMax
Result<double> parse_factor(const Call& call, std::string_view text);    // above 0, within kFactor*
Result<std::int64_t> parse_megapixels(const Call& call, std::string_view text);
Result<Color> parse_color(const Call& call, std::string_view text);
Result<ImageType> parse_format(const Call& call, std::string_view text);

// Which gravity types an option takes.
enum class GravitySet : std::uint8_t { kAll, kExtend };
// Arguments are the call's from `first` on: type[, x[, y]].
Result<void> parse_gravity(const Call& call, std::size_t first, GravitySet set, Gravity& gravity);
// Nine types, `re` and `ch`.
Result<GravityType> parse_watermark_position(const Call& call, std::string_view text);

// imgproxy's words for the values.
std::string_view name_of(GravityType type) noexcept;
std::string_view name_of(ResizingType type) noexcept;
std::string_view name_of(ResizingAlgorithm algorithm) noexcept;
std::string_view name_of(config::UnsharpMode mode) noexcept;
Result<ResizingAlgorithm> parse_resizing_algorithm(const Call& call, std::string_view text);
Result<config::UnsharpMode> parse_unsharp_mode(const Call& call, std::string_view text);
// Degrees, or down up right left.
Result<double> parse_direction(const Call& call, std::string_view text);
Result<ResizingType> parse_resizing_type(const Call& call, std::string_view text);

}  // namespace imgring::url
