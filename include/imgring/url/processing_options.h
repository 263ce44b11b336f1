// What one URL asks for: every processing option as a value (processing.md section 2).
// Immutable after parsing, moved with the request, any thread. Zero, false and empty mean "not
// given" unless said otherwise.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "imgring/base/digest.h"
#include "imgring/base/image_type.h"
#include "imgring/config/config.h"

namespace imgring::url {

enum class ResizingType : std::uint8_t { kFit, kFill, kFillDown, kForce, kAuto };
// kReplicate, kChessboard: watermark only. kUnset: crop without its own gravity.
enum class GravityType : std::uint8_t {
  kUnset,
  kCenter,
  kNorth,
  kEast,
  kSouth,
  kWest,
  kNorthWest,
  kNorthEast,
  kSouthWest,
  kSouthEast,
  kSmart,
  kFocusPoint,
  kReplicate,
  kChessboard
};
struct Gravity {
  GravityType type = GravityType::kCenter;
  double x = 0, y = 0;
};
struct Color {
  std::uint8_t r = 0, g = 0, b = 0;
};
struct Extend {
  bool on = false;
  Gravity gravity;
};
struct Crop {
  double width = 0, height = 0;  // < 1 relative, >= 1 whole pixels (truncated already), 0 off
  Gravity gravity{GravityType::kUnset, 0, 0};
};
struct Trim {
  bool on = false;
  double threshold = 0;
  std::optional<Color> color;  // none: the pixel at 0,0
  bool equal_horizontal = false, equal_vertical = false;
};
struct Padding {
  int top = 0, right = 0, bottom = 0, left = 0;  // pixels before dpr
  // Parsing only: whether the side was ever given, as 0 too, and may be another's default.
  bool top_given = false, right_given = false;
};
struct Watermark {
  double opacity = 0;  // 0 = off
  Gravity position;
  double scale = 0;
  // Of imgproxy's paid edition (paid.md section 10).
  std::string url;            // that it is fetched from; empty: the configured one
  std::string text;           // in Pango's markup; it wins over the URL
  int width = 0, height = 0;  // what it is fitted into, where scale is 0
  double rotate = 0;          // degrees clockwise, 0 <= rotate < 360
  double shadow = 0;          // sigma; 0 = off
  bool written() const noexcept { return opacity > 0 && !text.empty(); }
  bool fetched() const noexcept { return opacity > 0 && text.empty() && !url.empty(); }
  // It is made whole, whatever the frame shows of it.
  bool whole() const noexcept { return rotate != 0 || shadow > 0 || !text.empty(); }
};

enum class ResizingAlgorithm : std::uint8_t { kNearest, kLinear, kCubic, kLanczos2, kLanczos3 };
// Of the crop's area, or of the whole picture.
struct CropAspectRatio {
  double ratio = 0;  // width / height; 0 off
  bool enlarge = false;
};
struct Unsharp {
  config::UnsharpMode mode = config::UnsharpMode::kNone;
  double weight = 1, divider = 24;
};
struct Monochrome {
  double intensity = 0;  // 0 = off
  Color color{0xb3, 0xb3, 0xb3};
};
struct Duotone {
  double intensity = 0;  // 0 = off
  Color dark, light{255, 255, 255};
};
// Parts of the source's sides, as its metadata turns it: 0..1 each.
struct RelativeArea {
  double left = 0, top = 0, width = 0, height = 0;
};
struct BlurAreas {
  double sigma = 0;  // in pixels of the result; 0 = off
  std::vector<RelativeArea> areas;
};
// Where something that grows begins and is whole, as parts of the way through the picture.
struct Ramp {
  double direction = 0;  // degrees, clockwise; 0 = down
  double start = 0, stop = 1;
};
struct ProgressiveBlur {
  double sigma = 0;  // 0 = off
  Ramp ramp;
};
struct Colorize {
  double opacity = 0;  // 0 = off
  Color color;
  bool keep_alpha = false;
};
struct Gradient {
  double opacity = 0;  // 0 = off
  Color color;
  Ramp ramp;
};

// A quality that is found by trying; numbers are the configuration's unless given.
struct Autoquality {
  bool given = false;  // by a URL or a preset: then it wins over their quality
  config::AutoqualityMethod method = config::AutoqualityMethod::kNone;
  double target = 0.02, allowed_error = 0.002;
  std::optional<int> min, max;  // of every format
};

// What the source's bytes must sum up to.
struct Hashsum {
  DigestKind kind = DigestKind::kNone;
  std::string bytes;
};

// What one pipeline does to pixels. Sizes above 2^31-1 are taken as that, padding and pixelate
// above 10^8 likewise: beyond any image.
struct PixelOptions {
  ResizingType resizing_type = ResizingType::kFit;
  int width = 0, height = 0, min_width = 0, min_height = 0;
  double zoom_width = 1, zoom_height = 1, dpr = 1;
  bool enlarge = false;
  Extend extend, extend_aspect_ratio;
  Gravity gravity;
  Crop crop;
  Trim trim;
  Padding padding;
  bool auto_rotate = true;
  int rotate = 0;  // 0, 90, 180, 270
  bool flip_horizontal = false, flip_vertical = false;
  std::optional<Color> background;
  double blur = 0, sharpen = 0;
  int pixelate = 0;
  Watermark watermark;

  // Of imgproxy's paid edition (paid.md).
  ResizingAlgorithm resizing_algorithm = ResizingAlgorithm::kLanczos3;
  CropAspectRatio crop_aspect_ratio;
  double background_alpha = 1;  // of `background`, where the result can hold alpha
  Unsharp unsharp;
  int brightness = 0;  // -255..255
  double contrast = 1, saturation = 1;
  Monochrome monochrome;
  Duotone duotone;
  BlurAreas blur_areas;
  ProgressiveBlur progressive_blur;
  Colorize colorize;
  Gradient gradient;
};

// What holds for the whole request, and its pipelines, one behind the other.
struct RequestOptions {
  std::vector<PixelOptions> pipelines = std::vector<PixelOptions>(1);
  PixelOptions& first() noexcept { return pipelines.front(); }
  const PixelOptions& first() const noexcept { return pipelines.front(); }

  bool strip_metadata = true, keep_copyright = true, strip_color_profile = true;
  bool preserve_hdr = false, enforce_thumbnail = false;
  // Pages of a document or frames of an animation that a still result is made of, one below the
  // other; what is behind the last one is not there.
  int page = 0, pages = 1;
  bool disable_animation = false;
  int quality = 0;
  std::array<std::uint8_t, kImageTypeCount> format_quality = {};  // 0 = not given
  std::int64_t max_bytes = 0;
  Autoquality autoquality;
  config::EncoderOptions encoders;         // the configuration's unless given
  ImageType format = ImageType::kUnknown;  // kUnknown = not given
  bool best_format = false;                // given as `best`; then `format` is kUnknown
  ImageTypeSet skip_processing;            // config's and the option's
  double dpi = 0;                          // 0 = not given
  std::string color_profile;               // that the result is converted to; empty: none
  bool raw = false;
  std::string cachebuster;
  // 0 and below: no time, but it does shorten a fallback's age (cache_control).
  std::optional<std::int64_t> expires_unix_s;
  std::string filename;
  // The URL of the picture for a source that cannot be had, before the configured one; empty: none.
  std::string fallback_image_url;
  Hashsum hashsum;
  std::string style;  // CSS for the source where that is an SVG
  bool bypass_cache = false;
  std::vector<std::string> cache_tags;
  bool return_attachment = false;
  // Limits: the configuration's unless security options are allowed.
  std::int64_t max_src_resolution = 50'000'000;
  std::int64_t max_src_file_size_bytes = 0;  // negative (by URL only): every source is too large
  int max_animation_frames = 1;
  std::int64_t max_animation_frame_resolution = 0;
  int max_result_dimension = 0;

  // Frames of an animated result; 1: a still one.
  int frames_max() const noexcept {
    return disable_animation ? 1 : std::max(1, max_animation_frames);
  }
  // Of a source, as many as the options have to do with.
  int pages_max() const noexcept {
    const std::int64_t last = std::int64_t{page} + pages;
    return std::max(frames_max(), static_cast<int>(std::min<std::int64_t>(last, 1 << 30)));
  }

  // Set from the Accept header and the configuration (urls.md section 8).
  bool prefer_webp = false, prefer_avif = false, prefer_jxl = false;
  bool enforce_webp = false, enforce_avif = false, enforce_jxl = false;
};

}  // namespace imgring::url
