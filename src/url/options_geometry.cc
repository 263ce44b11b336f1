// URL options about sizes, places and pixels (processing.md section 2.1). Any thread.
// Promises: "empty or missing keeps the earlier value" exactly where the specification says so.
#include <algorithm>
#include <limits>

#include "options.h"

namespace imgring::url {
namespace {

// The call's arguments from `first` on.
Call tail(const Call& call, std::size_t first) {
  return {call.name, call.arguments.subspan(std::min(first, call.size())), call.warnings,
          call.unsupported};
}

Result<void> set_extend(const Call& call, Extend& extend) {
  Extend result = extend;
  result.on = parse_lenient_bool(call, call.at(0));
  if (call.size() > 1) {
    IMGRING_TRY_VOID(parse_gravity(call, 1, GravitySet::kExtend, result.gravity));
  }
  extend = result;
  return {};
}

// Below 1 relative, from 1 on whole pixels.
Result<double> parse_crop_side(const Call& call, std::string_view text) {
  IMGRING_TRY(const double value, parse_unsigned_real(call, text));
  if (value > std::numeric_limits<int>::max()) return bad_argument(call, text, "a possible size");
  return value < 1 ? value : static_cast<double>(static_cast<int>(value));
}

// A channel of r:g:b: digits only, no sign.
Result<std::uint8_t> parse_channel(const Call& call, std::string_view text) {
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return bad_argument(call, text, "a channel of 0..255");
    value = std::min(value * 10 + (c - '0'), 256);
  }
  if (text.empty() || value > 255) return bad_argument(call, text, "a channel of 0..255");
  return static_cast<std::uint8_t>(value);
}

}  // namespace

Result<void> apply_resize(const Call& call, ApplyContext& context) {
  if (!call.at(0).empty()) {
    IMGRING_TRY(context.pixels.resizing_type, parse_resizing_type(call, call.at(0)));
  }
  return apply_size(tail(call, 1), context);
}

Result<void> apply_size(const Call& call, ApplyContext& context) {
  PixelOptions& options = context.pixels;
  if (!call.at(0).empty()) {
    IMGRING_TRY(options.width, parse_size(call, call.at(0)));
  }
  if (!call.at(1).empty()) {
    IMGRING_TRY(options.height, parse_size(call, call.at(1)));
  }
  if (!call.at(2).empty()) options.enlarge = parse_lenient_bool(call, call.at(2));
  if (!call.at(3).empty()) return set_extend(tail(call, 3), options.extend);
  return {};
}

Result<void> apply_resizing_type(const Call& call, ApplyContext& context) {
  IMGRING_TRY(context.pixels.resizing_type, parse_resizing_type(call, call.at(0)));
  return {};
}

Result<void> apply_zoom(const Call& call, ApplyContext& context) {
  IMGRING_TRY(const double width, parse_factor(call, call.at(0)));
  double height = width;
  if (call.size() > 1) {
    IMGRING_TRY(height, parse_factor(call, call.at(1)));
  }
  context.pixels.zoom_width = width;
  context.pixels.zoom_height = height;
  return {};
}

Result<void> apply_extend(const Call& call, ApplyContext& context) {
  return set_extend(call, context.pixels.extend);
}

Result<void> apply_extend_aspect_ratio(const Call& call, ApplyContext& context) {
  return set_extend(call, context.pixels.extend_aspect_ratio);
}

Result<void> apply_gravity(const Call& call, ApplyContext& context) {
  return parse_gravity(call, 0, GravitySet::kAll, context.pixels.gravity);
}

Result<void> apply_crop(const Call& call, ApplyContext& context) {
  Crop crop = context.pixels.crop;
  IMGRING_TRY(crop.width, parse_crop_side(call, call.at(0)));
  if (call.size() > 1) {
    IMGRING_TRY(crop.height, parse_crop_side(call, call.at(1)));
  }
  Result<void> gravity;
  if (call.size() > 2) gravity = parse_gravity(call, 2, GravitySet::kAll, crop.gravity);
  // Where a gravity that is not built is left out, its crop is not.
  const bool only_gravity = call.unsupported != nullptr && *call.unsupported;
  if (gravity || only_gravity) context.pixels.crop = crop;
  return gravity;
}

Result<void> apply_trim(const Call& call, ApplyContext& context) {
  Trim trim = context.pixels.trim;
  // An empty threshold turns trimming off, whatever follows.
  trim.on = !call.at(0).empty();
  if (trim.on) {
    IMGRING_TRY(const double threshold, parse_real(call, call.at(0)));
    trim.threshold = std::clamp(threshold, -kThresholdMax, kThresholdMax);
  }
  // Unlike the arguments after it, a colour that is left out is not kept.
  trim.color.reset();
  if (!call.at(1).empty()) {
    IMGRING_TRY(trim.color, parse_color(call, call.at(1)));
  }
  if (!call.at(2).empty()) trim.equal_horizontal = parse_lenient_bool(call, call.at(2));
  if (!call.at(3).empty()) trim.equal_vertical = parse_lenient_bool(call, call.at(3));
  context.pixels.trim = trim;
  return {};
}

Result<void> apply_padding(const Call& call, ApplyContext& context) {
  Padding padding = context.pixels.padding;
  if (!call.at(0).empty()) {
    IMGRING_TRY(padding.top, parse_size(call, call.at(0), kPixelsMax));
    padding.top_given = true;
  }
  // Like CSS: what is left out is the opposite side's, or the top's. Where that one was never
  // given, imgproxy leaves the side as an earlier option set it.
  if (!call.at(1).empty()) {
    IMGRING_TRY(padding.right, parse_size(call, call.at(1), kPixelsMax));
    padding.right_given = true;
  } else if (padding.top_given) {
    padding.right = padding.top;
    padding.right_given = true;
  }
  if (!call.at(2).empty()) {
    IMGRING_TRY(padding.bottom, parse_size(call, call.at(2), kPixelsMax));
  } else if (padding.top_given) {
    padding.bottom = padding.top;
  }
  if (!call.at(3).empty()) {
    IMGRING_TRY(padding.left, parse_size(call, call.at(3), kPixelsMax));
  } else if (padding.right_given) {
    padding.left = padding.right;
  }
  context.pixels.padding = padding;
  return {};
}

Result<void> apply_rotate(const Call& call, ApplyContext& context) {
  IMGRING_TRY(const std::int64_t angle, parse_whole(call, call.at(0)));
  // Of negative angles the whole turns pass, which turn nothing.
  if (angle % 90 != 0 || (angle < 0 && angle % 360 != 0)) {
    return bad_argument(call, call.at(0), "a multiple of 90");
  }
  context.pixels.rotate = static_cast<int>(angle % 360);
  return {};
}

Result<void> apply_flip(const Call& call, ApplyContext& context) {
  PixelOptions& options = context.pixels;
  if (!call.at(0).empty()) options.flip_horizontal = parse_lenient_bool(call, call.at(0));
  if (!call.at(1).empty()) options.flip_vertical = parse_lenient_bool(call, call.at(1));
  return {};
}

Result<void> apply_background(const Call& call, ApplyContext& context) {
  if (call.size() == 1 && call.at(0).empty()) {
    context.pixels.background.reset();
    return {};
  }
  if (call.size() == 1) {
    IMGRING_TRY(context.pixels.background, parse_color(call, call.at(0)));
    return {};
  }
  if (call.size() != 3) return bad_argument(call, call.at(1), "complete: r:g:b");
  IMGRING_TRY(const std::uint8_t r, parse_channel(call, call.at(0)));
  IMGRING_TRY(const std::uint8_t g, parse_channel(call, call.at(1)));
  IMGRING_TRY(const std::uint8_t b, parse_channel(call, call.at(2)));
  context.pixels.background = Color{r, g, b};
  return {};
}

Result<void> apply_watermark(const Call& call, ApplyContext& context) {
  Watermark watermark = context.pixels.watermark;
  IMGRING_TRY(watermark.opacity, parse_fraction(call, call.at(0)));
  if (!call.at(1).empty()) {
    IMGRING_TRY(watermark.position.type, parse_watermark_position(call, call.at(1)));
  }
  if (!call.at(2).empty()) {
    IMGRING_TRY(watermark.position.x, parse_offset(call, call.at(2)));
  }
  if (!call.at(3).empty()) {
    IMGRING_TRY(watermark.position.y, parse_offset(call, call.at(3)));
  }
  if (!call.at(4).empty()) {
    // imgproxy refuses the 0 that its documentation names as "unscaled".
    IMGRING_TRY(const double scale, parse_unsigned_real(call, call.at(4)));
    watermark.scale = std::min(scale, kWatermarkScaleMax);
  }
  context.pixels.watermark = watermark;
  return {};
}

}  // namespace imgring::url
