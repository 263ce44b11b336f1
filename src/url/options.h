// Applying URL options to RequestOptions, and showing them in the log and in `explain`. Plain
// functions, any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "arguments.h"
#include "imgring/base/log.h"
#include "imgring/url/option_table.h"

namespace imgring::url {

// What applying an option needs beside its arguments.
struct ApplyContext {
  RequestOptions& request;
  PixelOptions& pixels;  // the pipeline of the request that is written
  std::int64_t now_unix_s;
};
using Apply = Result<void> (*)(const Call& call, ApplyContext& context);

// What is shown of an option, where it differs from its default.
struct ShowContext {
  const RequestOptions& request;
  const PixelOptions& pixels;
  LogGroup& fields;
};
using Show = void (*)(std::string_view name, ShowContext& context);

// `apply` is null for `preset`, which UrlRules applies itself.
struct OptionRow {
  UrlOption about;
  Apply apply = nullptr;
  Show show = nullptr;  // also for those that others' rows show
};
std::span<const OptionRow> option_rows() noexcept;
const OptionRow* find_row(std::string_view name) noexcept;
// True for `preset` and its alias.
bool is_preset_option(const OptionRow& row) noexcept;

// `format` as an extension of the source gives it.
Result<void> apply_format(const Call& call, ApplyContext& context);

// Options of more than one argument: options_geometry.cc and options_output.cc.
Result<void> apply_resize(const Call& call, ApplyContext& context);
Result<void> apply_size(const Call& call, ApplyContext& context);
Result<void> apply_resizing_type(const Call& call, ApplyContext& context);
Result<void> apply_zoom(const Call& call, ApplyContext& context);
Result<void> apply_extend(const Call& call, ApplyContext& context);
Result<void> apply_extend_aspect_ratio(const Call& call, ApplyContext& context);
Result<void> apply_gravity(const Call& call, ApplyContext& context);
Result<void> apply_crop(const Call& call, ApplyContext& context);
Result<void> apply_trim(const Call& call, ApplyContext& context);
Result<void> apply_padding(const Call& call, ApplyContext& context);
Result<void> apply_rotate(const Call& call, ApplyContext& context);
Result<void> apply_flip(const Call& call, ApplyContext& context);
Result<void> apply_background(const Call& call, ApplyContext& context);
Result<void> apply_watermark(const Call& call, ApplyContext& context);
Result<void> apply_quality(const Call& call, ApplyContext& context);
Result<void> apply_format_quality(const Call& call, ApplyContext& context);
Result<void> apply_max_bytes(const Call& call, ApplyContext& context);
Result<void> apply_skip_processing(const Call& call, ApplyContext& context);
Result<void> apply_cachebuster(const Call& call, ApplyContext& context);
Result<void> apply_expires(const Call& call, ApplyContext& context);
Result<void> apply_filename(const Call& call, ApplyContext& context);
Result<void> apply_dpi(const Call& call, ApplyContext& context);
Result<void> apply_color_profile(const Call& call, ApplyContext& context);
Result<void> apply_max_src_resolution(const Call& call, ApplyContext& context);
Result<void> apply_max_src_file_size(const Call& call, ApplyContext& context);
Result<void> apply_max_animation_frames(const Call& call, ApplyContext& context);
Result<void> apply_max_frame_resolution(const Call& call, ApplyContext& context);
Result<void> apply_max_result_dimension(const Call& call, ApplyContext& context);

Result<void> apply_fallback_image_url(const Call& call, ApplyContext& context);
Result<void> apply_hashsum(const Call& call, ApplyContext& context);
Result<void> apply_style(const Call& call, ApplyContext& context);
Result<void> apply_bypass_cache(const Call& call, ApplyContext& context);
Result<void> apply_cache_tags(const Call& call, ApplyContext& context);
void show_hashsum(std::string_view name, ShowContext& context);
void show_style(std::string_view name, ShowContext& context);
void show_cache_tags(std::string_view name, ShowContext& context);
Result<void> apply_page(const Call& call, ApplyContext& context);
Result<void> apply_pages(const Call& call, ApplyContext& context);
Result<void> apply_disable_animation(const Call& call, ApplyContext& context);

// options_encoders.cc: of imgproxy's paid edition. Arguments that are empty or missing keep.
Result<void> apply_autoquality(const Call& call, ApplyContext& context);
void show_autoquality(std::string_view name, ShowContext& context);
Result<void> apply_jpeg_options(const Call& call, ApplyContext& context);
Result<void> apply_png_options(const Call& call, ApplyContext& context);
Result<void> apply_webp_options(const Call& call, ApplyContext& context);
Result<void> apply_avif_options(const Call& call, ApplyContext& context);
void show_jpeg_options(std::string_view name, ShowContext& context);
void show_png_options(std::string_view name, ShowContext& context);
void show_webp_options(std::string_view name, ShowContext& context);
void show_avif_options(std::string_view name, ShowContext& context);

// options_pixels.cc: of imgproxy's paid edition. Arguments that are empty or missing keep.
Result<void> apply_resizing_algorithm(const Call& call, ApplyContext& context);
Result<void> apply_crop_aspect_ratio(const Call& call, ApplyContext& context);
Result<void> apply_background_alpha(const Call& call, ApplyContext& context);
Result<void> apply_adjust(const Call& call, ApplyContext& context);
Result<void> apply_brightness(const Call& call, ApplyContext& context);
Result<void> apply_contrast(const Call& call, ApplyContext& context);
Result<void> apply_saturation(const Call& call, ApplyContext& context);
Result<void> apply_monochrome(const Call& call, ApplyContext& context);
Result<void> apply_duotone(const Call& call, ApplyContext& context);
Result<void> apply_unsharp_masking(const Call& call, ApplyContext& context);
Result<void> apply_blur_areas(const Call& call, ApplyContext& context);
Result<void> apply_progressive_blur(const Call& call, ApplyContext& context);
Result<void> apply_colorize(const Call& call, ApplyContext& context);
Result<void> apply_gradient(const Call& call, ApplyContext& context);

// options_absent.cc: of models and videos. Off, or of no effect on a picture, they are taken; what
// would need a model or a video is refused as not supported.
Result<void> apply_objects_position(const Call& call, ApplyContext& context);
Result<void> apply_video_second(const Call& call, ApplyContext& context);
Result<void> apply_video_keyframes(const Call& call, ApplyContext& context);
Result<void> apply_blur_detections(const Call& call, ApplyContext& context);
Result<void> apply_draw_detections(const Call& call, ApplyContext& context);
Result<void> apply_crop_objects(const Call& call, ApplyContext& context);
Result<void> apply_video_frames(const Call& call, ApplyContext& context);

// options_watermark.cc.
Result<void> apply_watermark_url(const Call& call, ApplyContext& context);
Result<void> apply_watermark_text(const Call& call, ApplyContext& context);
Result<void> apply_watermark_size(const Call& call, ApplyContext& context);
Result<void> apply_watermark_rotate(const Call& call, ApplyContext& context);
Result<void> apply_watermark_shadow(const Call& call, ApplyContext& context);
void show_watermark_url(std::string_view name, ShowContext& context);
void show_watermark_text(std::string_view name, ShowContext& context);
void show_watermark_size(std::string_view name, ShowContext& context);
void show_watermark_rotate(std::string_view name, ShowContext& context);
void show_watermark_shadow(std::string_view name, ShowContext& context);

// Of options with more than a value: describe.cc.
void show_resizing_type(std::string_view name, ShowContext& context);
void show_zoom(std::string_view name, ShowContext& context);
void show_extend(std::string_view name, ShowContext& context);
void show_extend_aspect_ratio(std::string_view name, ShowContext& context);
void show_gravity(std::string_view name, ShowContext& context);
void show_crop(std::string_view name, ShowContext& context);
void show_trim(std::string_view name, ShowContext& context);
void show_padding(std::string_view name, ShowContext& context);
void show_flip(std::string_view name, ShowContext& context);
void show_background(std::string_view name, ShowContext& context);
void show_resizing_algorithm(std::string_view name, ShowContext& context);
void show_crop_aspect_ratio(std::string_view name, ShowContext& context);
void show_monochrome(std::string_view name, ShowContext& context);
void show_duotone(std::string_view name, ShowContext& context);
void show_unsharp_masking(std::string_view name, ShowContext& context);
void show_blur_areas(std::string_view name, ShowContext& context);
void show_progressive_blur(std::string_view name, ShowContext& context);
void show_colorize(std::string_view name, ShowContext& context);
void show_gradient(std::string_view name, ShowContext& context);
void show_watermark(std::string_view name, ShowContext& context);
void show_format_quality(std::string_view name, ShowContext& context);
void show_format(std::string_view name, ShowContext& context);
void show_skip_processing(std::string_view name, ShowContext& context);
void show_expires(std::string_view name, ShowContext& context);

// Into `value`, unless the argument is empty or missing.
template <class T, class Parser>
Result<void> keep_or(const Call& call, std::size_t at, T* value, Parser parser) {
  const std::string_view text = call.at(at);
  if (text.empty()) return {};
  IMGRING_TRY(*value, parser(call, text));
  return {};
}
inline Result<bool> lenient_bool(const Call& call, std::string_view text) {
  return parse_lenient_bool(call, text);
}

// "width=300 gravity=sm": a line of what is shown.
std::string fields_text(const LogGroup& fields);

// Which of both holds a member.
template <class T>
T& member(const ApplyContext& context, T PixelOptions::* field) noexcept {
  return context.pixels.*field;
}
template <class T>
T& member(const ApplyContext& context, T RequestOptions::* field) noexcept {
  return context.request.*field;
}

template <class T>
void show_value_of(std::string_view name, const T& value, const T& plain, LogGroup& fields) {
  if (value == plain) return;
  if constexpr (std::is_same_v<T, int>) {
    fields.push_back({std::string(name), std::int64_t{value}});
  } else {
    fields.push_back({std::string(name), value});
  }
}
template <auto Member>
void show_value(std::string_view name, ShowContext& context) {
  if constexpr (requires { context.pixels.*Member; }) {
    static const PixelOptions plain;
    show_value_of(name, context.pixels.*Member, plain.*Member, context.fields);
  } else {
    static const RequestOptions plain;
    show_value_of(name, context.request.*Member, plain.*Member, context.fields);
  }
}

// Rows of options of one argument, by the member they set.
template <auto Member>
Result<void> apply_bool(const Call& call, ApplyContext& context) {
  member(context, Member) = parse_lenient_bool(call, call.at(0));
  return {};
}
template <auto Member, std::int64_t Max>
Result<void> apply_int(const Call& call, ApplyContext& context) {
  IMGRING_TRY(member(context, Member), parse_size(call, call.at(0), Max));
  return {};
}
template <auto Member>
Result<void> apply_factor(const Call& call, ApplyContext& context) {
  IMGRING_TRY(member(context, Member), parse_factor(call, call.at(0)));
  return {};
}
template <auto Member>
Result<void> apply_sigma(const Call& call, ApplyContext& context) {
  IMGRING_TRY(const double value, parse_unsigned_real(call, call.at(0)));
  member(context, Member) = std::min(value, kSigmaMax);
  return {};
}
// Where a member stands tells whether its option is the whole request's.
template <class T>
consteval bool is_whole_request(T RequestOptions::*) {
  return true;
}
template <class T>
consteval bool is_whole_request(T PixelOptions::*) {
  return false;
}
template <auto Member>
constexpr OptionRow of_member(UrlOption about, Apply apply, Show show) {
  about.whole_request = is_whole_request(Member);
  return {about, apply, show};
}

template <auto Member>
constexpr OptionRow boolean(UrlOption about) {
  return of_member<Member>(about, apply_bool<Member>, show_value<Member>);
}
template <auto Member, std::int64_t Max = kSizeMax>
constexpr OptionRow whole(UrlOption about) {
  return of_member<Member>(about, apply_int<Member, Max>, show_value<Member>);
}
template <auto Member>
constexpr OptionRow factor(UrlOption about) {
  return of_member<Member>(about, apply_factor<Member>, show_value<Member>);
}
template <auto Member>
constexpr OptionRow sigma(UrlOption about) {
  return of_member<Member>(about, apply_sigma<Member>, show_value<Member>);
}

}  // namespace imgring::url
