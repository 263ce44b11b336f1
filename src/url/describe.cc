// Options that differ from their defaults, under imgproxy's names (log, explain). Any thread.
#include <algorithm>
#include <initializer_list>
#include <utility>

#include "arguments.h"
#include "imgring/base/text.h"
#include "imgring/format/format.h"
#include "imgring/url/request.h"
#include "options.h"

namespace imgring::url {
namespace {

std::string color_text(const Color& color) {
  const std::uint8_t bytes[] = {color.r, color.g, color.b};
  return hex_encode(bytes);
}

std::string gravity_text(const Gravity& gravity) {
  std::string text(name_of(gravity.type));
  if (gravity.type == GravityType::kSmart) return text;
  if (gravity.x == 0 && gravity.y == 0 && gravity.type != GravityType::kFocusPoint) return text;
  return text + ":" + format_number(gravity.x) + ":" + format_number(gravity.y);
}

std::string ramp_text(const Ramp& ramp) {
  return format_number(ramp.direction) + ":" + format_number(ramp.start) + ":" +
         format_number(ramp.stop);
}

std::string formats_text(ImageTypeSet set) {
  std::vector<std::string> names;
  for (int i = 1; i < kImageTypeCount; ++i) {
    const auto type = static_cast<ImageType>(i);
    if (set.has(type)) names.emplace_back(facts_of(type).name);
  }
  return join(names, ",");
}

std::string value_text(const LogField& field) {
  if (const auto* text = std::get_if<std::string>(&field.value)) return *text;
  if (const auto* whole = std::get_if<std::int64_t>(&field.value)) return std::to_string(*whole);
  if (const auto* real = std::get_if<double>(&field.value)) return format_number(*real);
  if (const auto* yes = std::get_if<bool>(&field.value)) return *yes ? "true" : "false";
  return {};
}

// As the log has always named it: `min-width` is min_width.
std::string field_name(std::string_view option) {
  std::string name(option);
  std::ranges::replace(name, '-', '_');
  return name;
}

void add_text(std::string_view name, std::string value, ShowContext& context) {
  context.fields.push_back({std::string(name), std::move(value)});
}

void show_canvas(std::string_view name, const Extend& extend, ShowContext& context) {
  if (extend.on) add_text(name, gravity_text(extend.gravity), context);
}

// What the client's headers ask for; no option of a URL.
template <auto... Members>
void show_features(std::initializer_list<const char*> names, ShowContext& context) {
  const char* const* name = names.begin();
  (show_value<Members>(*name++, context), ...);
}

}  // namespace

void show_resizing_type(std::string_view name, ShowContext& context) {
  static const PixelOptions plain;
  const ResizingType type = context.pixels.resizing_type;
  if (type != plain.resizing_type) add_text(name, std::string(name_of(type)), context);
}

void show_zoom(std::string_view name, ShowContext& context) {
  show_value<&PixelOptions::zoom_width>(std::string(name) + "_width", context);
  show_value<&PixelOptions::zoom_height>(std::string(name) + "_height", context);
}

void show_extend(std::string_view name, ShowContext& context) {
  show_canvas(name, context.pixels.extend, context);
}

void show_extend_aspect_ratio(std::string_view name, ShowContext& context) {
  show_canvas(name, context.pixels.extend_aspect_ratio, context);
}

void show_gravity(std::string_view name, ShowContext& context) {
  const std::string text = gravity_text(context.pixels.gravity);
  if (text != "ce") add_text(name, text, context);
}

void show_crop(std::string_view name, ShowContext& context) {
  const Crop& crop = context.pixels.crop;
  if (crop.width <= 0 && crop.height <= 0) return;
  std::string text = format_number(crop.width) + ":" + format_number(crop.height);
  if (crop.gravity.type != GravityType::kUnset) text += ":" + gravity_text(crop.gravity);
  add_text(name, text, context);
}

void show_trim(std::string_view name, ShowContext& context) {
  const Trim& trim = context.pixels.trim;
  if (!trim.on) return;
  std::string text = format_number(trim.threshold);
  if (trim.color) text += ":" + color_text(*trim.color);
  add_text(name, text, context);
  const std::string sides = std::string(name) + "_equal_";
  show_value_of(sides + "hor", trim.equal_horizontal, false, context.fields);
  show_value_of(sides + "ver", trim.equal_vertical, false, context.fields);
}

void show_padding(std::string_view name, ShowContext& context) {
  const Padding& pad = context.pixels.padding;
  if (pad.top == 0 && pad.right == 0 && pad.bottom == 0 && pad.left == 0) return;
  add_text(name,
           std::to_string(pad.top) + ":" + std::to_string(pad.right) + ":" +
               std::to_string(pad.bottom) + ":" + std::to_string(pad.left),
           context);
}

void show_flip(std::string_view name, ShowContext& context) {
  show_value<&PixelOptions::flip_horizontal>(std::string(name) + "_horizontal", context);
  show_value<&PixelOptions::flip_vertical>(std::string(name) + "_vertical", context);
}

void show_background(std::string_view name, ShowContext& context) {
  if (context.pixels.background) add_text(name, color_text(*context.pixels.background), context);
}

void show_resizing_algorithm(std::string_view name, ShowContext& context) {
  const ResizingAlgorithm algorithm = context.pixels.resizing_algorithm;
  if (algorithm != ResizingAlgorithm::kLanczos3) {
    add_text(name, std::string(name_of(algorithm)), context);
  }
}

void show_crop_aspect_ratio(std::string_view name, ShowContext& context) {
  const CropAspectRatio& crop = context.pixels.crop_aspect_ratio;
  if (crop.ratio <= 0) return;
  add_text(name, format_number(crop.ratio) + (crop.enlarge ? ":enlarge" : ""), context);
}

void show_monochrome(std::string_view name, ShowContext& context) {
  const Monochrome& mono = context.pixels.monochrome;
  if (mono.intensity <= 0) return;
  add_text(name, format_number(mono.intensity) + ":" + color_text(mono.color), context);
}

void show_duotone(std::string_view name, ShowContext& context) {
  const Duotone& tones = context.pixels.duotone;
  if (tones.intensity <= 0) return;
  add_text(
      name,
      format_number(tones.intensity) + ":" + color_text(tones.dark) + ":" + color_text(tones.light),
      context);
}

void show_unsharp_masking(std::string_view name, ShowContext& context) {
  const Unsharp& unsharp = context.pixels.unsharp;
  if (unsharp.mode == config::UnsharpMode::kNone) return;
  add_text(name,
           std::string(name_of(unsharp.mode)) + ":" + format_number(unsharp.weight) + ":" +
               format_number(unsharp.divider),
           context);
}

void show_blur_areas(std::string_view name, ShowContext& context) {
  const BlurAreas& blur = context.pixels.blur_areas;
  if (blur.sigma <= 0 || blur.areas.empty()) return;
  std::string text = format_number(blur.sigma);
  for (const RelativeArea& area : blur.areas) {
    for (const double side : {area.left, area.top, area.width, area.height}) {
      text += ":" + format_number(side);
    }
  }
  add_text(name, text, context);
}

void show_progressive_blur(std::string_view name, ShowContext& context) {
  const ProgressiveBlur& blur = context.pixels.progressive_blur;
  if (blur.sigma > 0) {
    add_text(name, format_number(blur.sigma) + ":" + ramp_text(blur.ramp), context);
  }
}

void show_colorize(std::string_view name, ShowContext& context) {
  const Colorize& layer = context.pixels.colorize;
  if (layer.opacity <= 0) return;
  add_text(name,
           format_number(layer.opacity) + ":" + color_text(layer.color) +
               (layer.keep_alpha ? ":keep_alpha" : ""),
           context);
}

void show_gradient(std::string_view name, ShowContext& context) {
  const Gradient& gradient = context.pixels.gradient;
  if (gradient.opacity <= 0) return;
  add_text(name,
           format_number(gradient.opacity) + ":" + color_text(gradient.color) + ":" +
               ramp_text(gradient.ramp),
           context);
}

void show_watermark(std::string_view name, ShowContext& context) {
  const Watermark& mark = context.pixels.watermark;
  if (mark.opacity <= 0) return;
  add_text(name,
           format_number(mark.opacity) + ":" + gravity_text(mark.position) + ":" +
               format_number(mark.scale),
           context);
}

void show_format_quality(std::string_view name, ShowContext& context) {
  std::vector<std::string> qualities;
  const auto& quality = context.request.format_quality;
  for (std::size_t i = 0; i < quality.size(); ++i) {
    if (quality[i] == 0) continue;
    qualities.push_back(std::string(facts_of(static_cast<ImageType>(i)).name) + "=" +
                        std::to_string(quality[i]));
  }
  if (!qualities.empty()) add_text(name, join(qualities, ","), context);
}

void show_format(std::string_view name, ShowContext& context) {
  const ImageType format = context.request.format;
  if (context.request.best_format) add_text(name, "best", context);
  if (format != ImageType::kUnknown) add_text(name, std::string(facts_of(format).name), context);
}

void show_skip_processing(std::string_view name, ShowContext& context) {
  const ImageTypeSet types = context.request.skip_processing;
  if (types.bits != 0) add_text(name, formats_text(types), context);
}

void show_expires(std::string_view name, ShowContext& context) {
  const auto& expires = context.request.expires_unix_s;
  if (expires) context.fields.push_back({std::string(name), *expires});
}

LogGroup log_fields(const RequestOptions& options) {
  LogGroup group;
  const bool chained = options.pipelines.size() > 1;
  for (std::size_t i = 0; chained && i < options.pipelines.size(); ++i) {
    ShowContext context{options, options.pipelines[i], group};
    for (const OptionRow& row : option_rows()) {
      if (row.show == nullptr || row.about.whole_request) continue;
      row.show(std::to_string(i) + "." + field_name(row.about.name), context);
    }
  }
  ShowContext context{options, options.first(), group};
  for (const OptionRow& row : option_rows()) {
    if (row.show == nullptr || (chained && !row.about.whole_request)) continue;
    row.show(field_name(row.about.name), context);
  }
  using R = RequestOptions;
  show_features<&R::prefer_webp, &R::prefer_avif, &R::prefer_jxl, &R::enforce_webp,
                &R::enforce_avif, &R::enforce_jxl>(
      {"prefer_webp", "prefer_avif", "prefer_jxl", "enforce_webp", "enforce_avif", "enforce_jxl"},
      context);
  return group;
}

std::string fields_text(const LogGroup& fields) {
  std::string text;
  for (const LogField& field : fields) {
    if (!text.empty()) text += ' ';
    text += field.key + "=" + value_text(field);
  }
  return text;
}

std::string describe(const RequestOptions& options) { return fields_text(log_fields(options)); }

}  // namespace imgring::url
