// Options that differ from their defaults, under imgproxy's names (log, explain). Any thread.
#include <type_traits>
#include <utility>

#include "arguments.h"
#include "imgring/base/text.h"
#include "imgring/url/request.h"

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

class Fields {
 public:
  explicit Fields(LogGroup& out) : out_(out) {}

  template <class T>
  void add(const char* name, const T& value, const T& plain) {
    if (value == plain) return;
    if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, double> ||
                  std::is_same_v<T, std::string>) {
      out_.push_back({name, value});
    } else {
      out_.push_back({name, static_cast<std::int64_t>(value)});
    }
  }
  void whole(const char* name, std::int64_t value) { out_.push_back({name, value}); }
  void text(const char* name, std::string value) { out_.push_back({name, std::move(value)}); }

 private:
  LogGroup& out_;
};

void add_geometry(Fields& fields, const ProcessingOptions& o, const ProcessingOptions& plain) {
  if (o.resizing_type != plain.resizing_type) {
    fields.text("resizing_type", std::string(name_of(o.resizing_type)));
  }
  fields.add("width", o.width, plain.width);
  fields.add("height", o.height, plain.height);
  fields.add("min_width", o.min_width, plain.min_width);
  fields.add("min_height", o.min_height, plain.min_height);
  fields.add("zoom_width", o.zoom_width, plain.zoom_width);
  fields.add("zoom_height", o.zoom_height, plain.zoom_height);
  fields.add("dpr", o.dpr, plain.dpr);
  fields.add("enlarge", o.enlarge, plain.enlarge);
  if (o.extend.on) fields.text("extend", gravity_text(o.extend.gravity));
  if (o.extend_aspect_ratio.on) {
    fields.text("extend_aspect_ratio", gravity_text(o.extend_aspect_ratio.gravity));
  }
  const std::string gravity = gravity_text(o.gravity);
  if (gravity != "ce") fields.text("gravity", gravity);
  if (o.crop.width > 0 || o.crop.height > 0) {
    std::string text = format_number(o.crop.width) + ":" + format_number(o.crop.height);
    if (o.crop.gravity.type != GravityType::kUnset) text += ":" + gravity_text(o.crop.gravity);
    fields.text("crop", text);
  }
  if (o.trim.on) {
    std::string text = format_number(o.trim.threshold);
    if (o.trim.color) text += ":" + color_text(*o.trim.color);
    fields.text("trim", text);
    fields.add("trim_equal_hor", o.trim.equal_horizontal, false);
    fields.add("trim_equal_ver", o.trim.equal_vertical, false);
  }
  const Padding& pad = o.padding;
  if (pad.top != 0 || pad.right != 0 || pad.bottom != 0 || pad.left != 0) {
    fields.text("padding", std::to_string(pad.top) + ":" + std::to_string(pad.right) + ":" +
                               std::to_string(pad.bottom) + ":" + std::to_string(pad.left));
  }
  fields.add("auto_rotate", o.auto_rotate, plain.auto_rotate);
  fields.add("rotate", o.rotate, plain.rotate);
  fields.add("flip_horizontal", o.flip_horizontal, plain.flip_horizontal);
  fields.add("flip_vertical", o.flip_vertical, plain.flip_vertical);
}

void add_pixels(Fields& fields, const ProcessingOptions& o, const ProcessingOptions& plain) {
  if (o.background) fields.text("background", color_text(*o.background));
  fields.add("blur", o.blur, plain.blur);
  fields.add("sharpen", o.sharpen, plain.sharpen);
  fields.add("pixelate", o.pixelate, plain.pixelate);
  if (o.watermark.opacity > 0) {
    fields.text("watermark", format_number(o.watermark.opacity) + ":" +
                                 gravity_text(o.watermark.position) + ":" +
                                 format_number(o.watermark.scale));
  }
  fields.add("strip_metadata", o.strip_metadata, plain.strip_metadata);
  fields.add("keep_copyright", o.keep_copyright, plain.keep_copyright);
  fields.add("strip_color_profile", o.strip_color_profile, plain.strip_color_profile);
  fields.add("preserve_hdr", o.preserve_hdr, plain.preserve_hdr);
  fields.add("enforce_thumbnail", o.enforce_thumbnail, plain.enforce_thumbnail);
}

std::string formats_text(ImageTypeSet set) {
  std::vector<std::string> names;
  for (int i = 1; i < kImageTypeCount; ++i) {
    const auto type = static_cast<ImageType>(i);
    if (set.has(type)) names.emplace_back(facts_of(type).name);
  }
  return join(names, ",");
}

void add_output(Fields& fields, const ProcessingOptions& o, const ProcessingOptions& plain) {
  fields.add("quality", o.quality, plain.quality);
  std::vector<std::string> qualities;
  for (std::size_t i = 0; i < o.format_quality.size(); ++i) {
    if (o.format_quality[i] == 0) continue;
    qualities.push_back(std::string(facts_of(static_cast<ImageType>(i)).name) + "=" +
                        std::to_string(o.format_quality[i]));
  }
  if (!qualities.empty()) fields.text("format_quality", join(qualities, ","));
  fields.add("max_bytes", o.max_bytes, plain.max_bytes);
  if (o.format != ImageType::kUnknown) {
    fields.text("format", std::string(facts_of(o.format).name));
  }
  if (o.skip_processing.bits != 0) {
    fields.text("skip_processing", formats_text(o.skip_processing));
  }
  fields.add("raw", o.raw, plain.raw);
  fields.add("cachebuster", o.cachebuster, plain.cachebuster);
  if (o.expires_unix_s) fields.whole("expires", *o.expires_unix_s);
  fields.add("filename", o.filename, plain.filename);
  fields.add("return_attachment", o.return_attachment, plain.return_attachment);
  fields.add("max_src_resolution", o.max_src_resolution, plain.max_src_resolution);
  fields.add("max_src_file_size", o.max_src_file_size_bytes, plain.max_src_file_size_bytes);
  fields.add("max_animation_frames", o.max_animation_frames, plain.max_animation_frames);
  fields.add("max_animation_frame_resolution", o.max_animation_frame_resolution,
             plain.max_animation_frame_resolution);
  fields.add("max_result_dimension", o.max_result_dimension, plain.max_result_dimension);
  fields.add("prefer_webp", o.prefer_webp, plain.prefer_webp);
  fields.add("prefer_avif", o.prefer_avif, plain.prefer_avif);
  fields.add("prefer_jxl", o.prefer_jxl, plain.prefer_jxl);
  fields.add("enforce_webp", o.enforce_webp, plain.enforce_webp);
  fields.add("enforce_avif", o.enforce_avif, plain.enforce_avif);
  fields.add("enforce_jxl", o.enforce_jxl, plain.enforce_jxl);
}

std::string value_text(const LogField& field) {
  if (const auto* text = std::get_if<std::string>(&field.value)) return *text;
  if (const auto* whole = std::get_if<std::int64_t>(&field.value)) return std::to_string(*whole);
  if (const auto* real = std::get_if<double>(&field.value)) return format_number(*real);
  if (const auto* yes = std::get_if<bool>(&field.value)) return *yes ? "true" : "false";
  return {};
}

}  // namespace

LogGroup log_fields(const ProcessingOptions& options) {
  static const ProcessingOptions plain;
  LogGroup group;
  Fields fields(group);
  add_geometry(fields, options, plain);
  add_pixels(fields, options, plain);
  add_output(fields, options, plain);
  return group;
}

std::string describe(const ProcessingOptions& options) {
  std::string text;
  for (const LogField& field : log_fields(options)) {
    if (!text.empty()) text += ' ';
    text += field.key + "=" + value_text(field);
  }
  return text;
}

}  // namespace imgring::url
