// Applying URL options to ProcessingOptions. Plain functions, any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "arguments.h"
#include "imgring/url/option_table.h"

namespace imgring::url {

// What applying an option needs beside its arguments.
struct ApplyContext {
  ProcessingOptions& options;
  std::int64_t now_unix_s;
};
using Apply = Result<void> (*)(const Call& call, ApplyContext& context);

// Null for options that are not built, and for `preset`, which UrlRules applies itself.
struct OptionRow {
  UrlOption about;
  Apply apply = nullptr;
};
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
Result<void> apply_max_src_resolution(const Call& call, ApplyContext& context);
Result<void> apply_max_src_file_size(const Call& call, ApplyContext& context);
Result<void> apply_max_animation_frames(const Call& call, ApplyContext& context);
Result<void> apply_max_frame_resolution(const Call& call, ApplyContext& context);
Result<void> apply_max_result_dimension(const Call& call, ApplyContext& context);

// Options of one argument, by the member they set.
template <auto Member>
Result<void> apply_bool(const Call& call, ApplyContext& context) {
  context.options.*Member = parse_lenient_bool(call, call.at(0));
  return {};
}
template <auto Member, std::int64_t Max = kSizeMax>
Result<void> apply_int(const Call& call, ApplyContext& context) {
  IMGRING_TRY(context.options.*Member, parse_size(call, call.at(0), Max));
  return {};
}
template <auto Member>
Result<void> apply_factor(const Call& call, ApplyContext& context) {
  IMGRING_TRY(context.options.*Member, parse_factor(call, call.at(0)));
  return {};
}
template <auto Member>
Result<void> apply_sigma(const Call& call, ApplyContext& context) {
  IMGRING_TRY(const double value, parse_unsigned_real(call, call.at(0)));
  context.options.*Member = std::min(value, kSigmaMax);
  return {};
}

}  // namespace imgring::url
