// Decisions before any pixel: skip, result format, limits, quality (processing.md
// sections 3 and 10).
// Owns nothing. Any thread.
#include <algorithm>
#include <cmath>

#include "imgring/base/text.h"
#include "imgring/pipeline/plan.h"

namespace imgring::pipeline {
namespace {

using config::ProcessingConfig;
using url::RequestOptions;

enum class Canvas : std::uint8_t { kAsImgproxy, kEach };

// A background ends what was transparent before it. imgproxy does not look at
// extend_aspect_ratio.
bool shows_through(const SourceFacts& facts, const RequestOptions& options,
                   Canvas canvas) noexcept {
  bool clear = facts.alpha;
  for (const url::PixelOptions& o : options.pipelines) {
    const auto& pad = o.padding;
    const bool padded = pad.top > 0 || pad.right > 0 || pad.bottom > 0 || pad.left > 0;
    clear = clear || padded || o.extend.on;
    clear = clear || (canvas == Canvas::kEach && o.extend_aspect_ratio.on);
    if (o.background && o.background_alpha >= 1) clear = false;
  }
  return clear;
}

ImageType first_fitting(const std::vector<ImageType>& preferred, bool animated, bool transparent) {
  for (const ImageType type : preferred) {
    const format::Format& f = facts_of(type);
    if ((!animated || f.animation_save) && (!transparent || f.alpha)) return type;
  }
  return preferred.empty() ? ImageType::kJpeg : preferred.front();
}

// Of an animation the best is chosen by name; of a still picture once it is made, from what any of
// the candidates can be made of.
ImageType stand_in(const SourceFacts& facts, const RequestOptions& options,
                   const ProcessingConfig& config, bool animated) {
  const auto& preferred = config.preferred_formats;
  const bool gif = std::ranges::find(preferred, ImageType::kGif) != preferred.end();
  if (animated && options.prefer_webp) return ImageType::kWebp;
  if (animated && gif) return ImageType::kGif;
  return may_show_through(facts, options) ? ImageType::kPng : ImageType::kJpeg;
}

// width * height * frames without overflow: sides are ints.
double pixels(int width, int height, int frames = 1) noexcept {
  return static_cast<double>(width) * height * frames;
}

std::unexpected<Error> over_limit(std::string_view what, double pixels, std::int64_t limit,
                                  std::string_view variable) {
  // Rounded up: what is over a limit does not look as if it were at it.
  const auto megapixels = [](double count) {
    return format_number(std::ceil(count / 1e4) / 100) + " MP";
  };
  return fail(ErrorCode::kResolutionTooLarge,
              std::string(what) + " is too big: " + megapixels(pixels) + ", the limit is " +
                  megapixels(static_cast<double>(limit)) + " (" + std::string(variable) + ")");
}

}  // namespace

bool wants_best(const RequestOptions& options, const ProcessingConfig& config) noexcept {
  return options.best_format ||
         (options.format == ImageType::kUnknown && config.best_format.by_default);
}

bool skips_processing(ImageType source, const RequestOptions& options,
                      const ProcessingConfig& config) noexcept {
  const bool best = wants_best(options, config);
  const bool unset = options.format == ImageType::kUnknown;
  if (best && !config.best_format.allow_skips) return false;
  const bool listed =
      options.skip_processing.has(source) || config.skip_processing_formats.has(source);
  if (source != ImageType::kSvg) return listed && (unset || options.format == source);
  if (options.format == ImageType::kSvg) return true;
  return unset && (!config.always_rasterize_svg || listed);
}

bool may_show_through(const SourceFacts& facts, const RequestOptions& options) noexcept {
  return shows_through(facts, options, Canvas::kEach);
}

const image::ColourProfile* profile_held(ImageType result,
                                         const image::ColourProfile* wanted) noexcept {
  const bool inks = result == ImageType::kJpeg || result == ImageType::kTiff;
  const bool held = wanted != nullptr && facts_of(result).icc && (inks || !wanted->cmyk);
  return held ? wanted : nullptr;
}

Result<ImageType> choose_format(const SourceFacts& facts, const RequestOptions& options,
                                const ProcessingConfig& config) {
  const bool animated = facts.animated && options.frames_max() > 1;
  if (options.format == ImageType::kSvg)
    return fail(ErrorCode::kResultUnsupported, "the result format cannot be SVG");
  if (options.format != ImageType::kUnknown) {
    if (options.enforce_jxl && !animated) return ImageType::kJxl;
    if (options.enforce_avif && !animated) return ImageType::kAvif;
    return options.enforce_webp ? ImageType::kWebp : options.format;
  }
  if (wants_best(options, config)) return stand_in(facts, options, config, animated);
  if (options.prefer_jxl && !animated) return ImageType::kJxl;
  if (options.prefer_avif && !animated) return ImageType::kAvif;
  if (options.prefer_webp) return ImageType::kWebp;
  const auto& preferred = config.preferred_formats;
  if (std::ranges::find(preferred, facts.type) != preferred.end()) return facts.type;
  return first_fitting(preferred, animated, shows_through(facts, options, Canvas::kAsImgproxy));
}

Result<void> check_resolution(const SourceFacts& facts, int frames, const RequestOptions& options) {
  if (facts_of(facts.type).vector) return {};
  const double frame = pixels(facts.width, facts.height);
  const std::int64_t frame_limit = options.max_animation_frame_resolution;
  if (frames > 1 && frame_limit > 0) {
    if (frame <= static_cast<double>(frame_limit)) return {};
    return over_limit("animation frame resolution", frame, frame_limit,
                      "IMGPROXY_MAX_ANIMATION_FRAME_RESOLUTION");
  }
  const double all = pixels(facts.width, facts.height, frames);
  if (all <= static_cast<double>(options.max_src_resolution)) return {};
  return over_limit("source image resolution", all, options.max_src_resolution,
                    "IMGPROXY_MAX_SRC_RESOLUTION");
}

int quality_for(ImageType type, const RequestOptions& options,
                const ProcessingConfig& config) noexcept {
  if (options.quality > 0) return options.quality;
  const auto index = static_cast<std::size_t>(type);
  if (options.format_quality[index] > 0) return options.format_quality[index];
  return config.format_quality[index] > 0 ? config.format_quality[index] : config.quality;
}

}  // namespace imgring::pipeline
