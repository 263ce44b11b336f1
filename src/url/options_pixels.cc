// URL options about pixels that imgproxy's paid edition has (paid.md section 2). Any thread.
// Promises: an argument that is empty or missing keeps what was there.
#include <algorithm>

#include "options.h"

namespace imgring::url {
namespace {

Result<double> gain(const Call& call, std::string_view text) {
  IMGRING_TRY(const double value, parse_unsigned_real(call, text));
  return std::min(value, kGainMax);
}

Result<double> sigma_of(const Call& call, std::string_view text) {
  IMGRING_TRY(const double value, parse_unsigned_real(call, text));
  return std::min(value, kSigmaMax);
}

Result<double> ramp_end(const Call& call, std::string_view text) {
  IMGRING_TRY(const double value, parse_real(call, text));
  return std::clamp(value, -kRampMax, kRampMax);
}

Result<int> brightness_of(const Call& call, std::string_view text) {
  constexpr std::int64_t kMost = 255;
  IMGRING_TRY(const std::int64_t value, parse_whole(call, text));
  if (value < -kMost || value > kMost) return bad_argument(call, text, "a number of -255..255");
  return static_cast<int>(value);
}

// Of the call's arguments the three from `first` on.
Result<void> set_ramp(const Call& call, std::size_t first, Ramp* ramp) {
  IMGRING_TRY_VOID(keep_or(call, first, &ramp->direction, parse_direction));
  IMGRING_TRY_VOID(keep_or(call, first + 1, &ramp->start, ramp_end));
  return keep_or(call, first + 2, &ramp->stop, ramp_end);
}

}  // namespace

Result<void> apply_resizing_algorithm(const Call& call, ApplyContext& context) {
  return keep_or(call, 0, &context.pixels.resizing_algorithm, parse_resizing_algorithm);
}

Result<void> apply_crop_aspect_ratio(const Call& call, ApplyContext& context) {
  CropAspectRatio crop = context.pixels.crop_aspect_ratio;
  IMGRING_TRY_VOID(keep_or(call, 0, &crop.ratio, parse_unsigned_real));
  if (crop.ratio > 0) crop.ratio = std::clamp(crop.ratio, kFactorMin, kFactorMax);
  IMGRING_TRY_VOID(keep_or(call, 1, &crop.enlarge, lenient_bool));
  context.pixels.crop_aspect_ratio = crop;
  return {};
}

Result<void> apply_background_alpha(const Call& call, ApplyContext& context) {
  return keep_or(call, 0, &context.pixels.background_alpha, parse_fraction);
}

Result<void> apply_adjust(const Call& call, ApplyContext& context) {
  PixelOptions& o = context.pixels;
  int brightness = o.brightness;
  double contrast = o.contrast, saturation = o.saturation;
  IMGRING_TRY_VOID(keep_or(call, 0, &brightness, brightness_of));
  IMGRING_TRY_VOID(keep_or(call, 1, &contrast, gain));
  IMGRING_TRY_VOID(keep_or(call, 2, &saturation, gain));
  o.brightness = brightness;
  o.contrast = contrast;
  o.saturation = saturation;
  return {};
}

Result<void> apply_brightness(const Call& call, ApplyContext& context) {
  return keep_or(call, 0, &context.pixels.brightness, brightness_of);
}

Result<void> apply_contrast(const Call& call, ApplyContext& context) {
  return keep_or(call, 0, &context.pixels.contrast, gain);
}

Result<void> apply_saturation(const Call& call, ApplyContext& context) {
  return keep_or(call, 0, &context.pixels.saturation, gain);
}

Result<void> apply_monochrome(const Call& call, ApplyContext& context) {
  Monochrome mono = context.pixels.monochrome;
  IMGRING_TRY_VOID(keep_or(call, 0, &mono.intensity, parse_fraction));
  IMGRING_TRY_VOID(keep_or(call, 1, &mono.color, parse_color));
  context.pixels.monochrome = mono;
  return {};
}

Result<void> apply_duotone(const Call& call, ApplyContext& context) {
  Duotone tones = context.pixels.duotone;
  IMGRING_TRY_VOID(keep_or(call, 0, &tones.intensity, parse_fraction));
  IMGRING_TRY_VOID(keep_or(call, 1, &tones.dark, parse_color));
  IMGRING_TRY_VOID(keep_or(call, 2, &tones.light, parse_color));
  context.pixels.duotone = tones;
  return {};
}

Result<void> apply_unsharp_masking(const Call& call, ApplyContext& context) {
  Unsharp unsharp = context.pixels.unsharp;
  IMGRING_TRY_VOID(keep_or(call, 0, &unsharp.mode, parse_unsharp_mode));
  IMGRING_TRY_VOID(keep_or(call, 1, &unsharp.weight, parse_factor));
  IMGRING_TRY_VOID(keep_or(call, 2, &unsharp.divider, parse_factor));
  context.pixels.unsharp = unsharp;
  return {};
}

// Sigma, then four numbers for each area, which are those of before where there are none.
Result<void> apply_blur_areas(const Call& call, ApplyContext& context) {
  constexpr std::size_t kSides = 4;
  BlurAreas blur = context.pixels.blur_areas;
  IMGRING_TRY_VOID(keep_or(call, 0, &blur.sigma, sigma_of));
  if (call.size() > 1) {
    const std::size_t count = (call.size() - 1) / kSides;
    if ((call.size() - 1) % kSides != 0) {
      return bad_argument(call, call.arguments.back(), "the last of an area's four numbers");
    }
    if (count > kBlurAreasMax) {
      return bad_argument(call, std::to_string(count), "a number of areas of at most 64");
    }
    blur.areas.assign(count, {});
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t first = 1 + i * kSides;
      RelativeArea& area = blur.areas[i];
      IMGRING_TRY(area.left, parse_fraction(call, call.at(first)));
      IMGRING_TRY(area.top, parse_fraction(call, call.at(first + 1)));
      IMGRING_TRY(area.width, parse_fraction(call, call.at(first + 2)));
      IMGRING_TRY(area.height, parse_fraction(call, call.at(first + 3)));
    }
  }
  context.pixels.blur_areas = std::move(blur);
  return {};
}

Result<void> apply_progressive_blur(const Call& call, ApplyContext& context) {
  ProgressiveBlur blur = context.pixels.progressive_blur;
  IMGRING_TRY_VOID(keep_or(call, 0, &blur.sigma, sigma_of));
  IMGRING_TRY_VOID(set_ramp(call, 1, &blur.ramp));
  context.pixels.progressive_blur = blur;
  return {};
}

Result<void> apply_colorize(const Call& call, ApplyContext& context) {
  Colorize layer = context.pixels.colorize;
  IMGRING_TRY_VOID(keep_or(call, 0, &layer.opacity, parse_fraction));
  IMGRING_TRY_VOID(keep_or(call, 1, &layer.color, parse_color));
  IMGRING_TRY_VOID(keep_or(call, 2, &layer.keep_alpha, lenient_bool));
  context.pixels.colorize = layer;
  return {};
}

Result<void> apply_gradient(const Call& call, ApplyContext& context) {
  Gradient gradient = context.pixels.gradient;
  IMGRING_TRY_VOID(keep_or(call, 0, &gradient.opacity, parse_fraction));
  IMGRING_TRY_VOID(keep_or(call, 1, &gradient.color, parse_color));
  IMGRING_TRY_VOID(set_ramp(call, 2, &gradient.ramp));
  context.pixels.gradient = gradient;
  return {};
}

}  // namespace imgring::url
