// URL options about formats, files, time and limits (processing.md section 2.1). Any thread.
#include <algorithm>

#include "imgring/base/text.h"
#include "imgring/format/format.h"
#include "options.h"

namespace imgring::url {
namespace {

Result<int> parse_quality(const Call& call, std::string_view text) {
  const auto value = parse_int(text);
  if (!value || *value < 0 || *value > 100) return bad_argument(call, text, "a quality of 0..100");
  return static_cast<int>(*value);
}

}  // namespace

Result<void> apply_format(const Call& call, ApplyContext& context) {
  context.request.best_format = call.at(0) == "best";
  if (context.request.best_format) {
    context.request.format = ImageType::kUnknown;
    return {};
  }
  IMGRING_TRY(context.request.format, parse_format(call, call.at(0)));
  return {};
}

Result<void> apply_quality(const Call& call, ApplyContext& context) {
  IMGRING_TRY(context.request.quality, parse_quality(call, call.at(0)));
  return {};
}

Result<void> apply_format_quality(const Call& call, ApplyContext& context) {
  if (call.size() % 2 != 0) {
    return bad_argument(call, call.arguments.back(), "followed by a quality");
  }
  auto qualities = context.request.format_quality;
  for (std::size_t i = 0; i < call.size(); i += 2) {
    IMGRING_TRY(const int quality, parse_quality(call, call.at(i + 1)));
    if (is_unbuilt_format(call.at(i))) continue;  // no result has it
    IMGRING_TRY(const ImageType type, parse_format(call, call.at(i)));
    qualities[static_cast<std::size_t>(type)] = static_cast<std::uint8_t>(quality);
  }
  context.request.format_quality = qualities;
  return {};
}

Result<void> apply_max_bytes(const Call& call, ApplyContext& context) {
  const auto value = parse_int(call.at(0));
  if (!value || *value < 0) return bad_argument(call, call.at(0), "an integer of at least 0");
  context.request.max_bytes = *value;
  return {};
}

// Added to earlier ones and the configuration's.
Result<void> apply_skip_processing(const Call& call, ApplyContext& context) {
  ImageTypeSet types = context.request.skip_processing;
  for (const std::string_view text : call.arguments) {
    if (is_unbuilt_format(text)) continue;  // no source has it
    IMGRING_TRY(const ImageType type, parse_format(call, text));
    types.add(type);
  }
  context.request.skip_processing = types;
  return {};
}

Result<void> apply_cachebuster(const Call& call, ApplyContext& context) {
  context.request.cachebuster = call.at(0);
  return {};
}

Result<void> apply_expires(const Call& call, ApplyContext& context) {
  IMGRING_TRY(const std::int64_t expires_unix_s, parse_whole(call, call.at(0)));
  if (expires_unix_s > 0 && expires_unix_s < context.now_unix_s) {
    return fail(ErrorCode::kInvalidUrl, "the URL has expired");
  }
  context.request.expires_unix_s = expires_unix_s;
  return {};
}

Result<void> apply_filename(const Call& call, ApplyContext& context) {
  std::string_view name = call.at(0);
  if (call.size() < 2 || !parse_lenient_bool(call, call.at(1))) {
    context.request.filename = name;
    return {};
  }
  while (name.ends_with('=')) name.remove_suffix(1);
  auto decoded = base64url_decode(name);
  if (!decoded) return bad_argument(call, call.at(0), "URL-safe Base64");
  context.request.filename = std::move(*decoded);
  return {};
}

Result<void> apply_page(const Call& call, ApplyContext& context) {
  return keep_or(call, 0, &context.request.page,
                 [](const Call& of, std::string_view text) { return parse_size(of, text); });
}

Result<void> apply_pages(const Call& call, ApplyContext& context) {
  int pages = context.request.pages;
  IMGRING_TRY_VOID(keep_or(
      call, 0, &pages, [](const Call& of, std::string_view text) { return parse_size(of, text); }));
  if (pages == 0) return bad_argument(call, call.at(0), "an integer above 0");
  context.request.pages = pages;
  return {};
}

Result<void> apply_disable_animation(const Call& call, ApplyContext& context) {
  return keep_or(call, 0, &context.request.disable_animation, lenient_bool);
}

Result<void> apply_dpi(const Call& call, ApplyContext& context) {
  if (call.at(0).empty()) return {};
  IMGRING_TRY(const double dpi, parse_unsigned_real(call, call.at(0)));
  context.request.dpi = dpi > 0 ? std::clamp(dpi, 1.0, kDpiMax) : 0;
  return {};
}

// A name, never a way to a file: what it names is known to who has read the folder.
Result<void> apply_color_profile(const Call& call, ApplyContext& context) {
  if (call.at(0).empty()) return {};
  const auto name = percent_decode(call.at(0));
  constexpr std::size_t kNameBytesMax = 255;
  const bool plain = name && !name->empty() && name->size() <= kNameBytesMax && *name != "." &&
                     *name != ".." &&
                     name->find_first_of(std::string_view("/\0", 2)) == std::string::npos;
  if (!plain) return bad_argument(call, call.at(0), "the name of a colour profile");
  context.request.color_profile = *name;
  return {};
}

Result<void> apply_max_src_resolution(const Call& call, ApplyContext& context) {
  IMGRING_TRY(context.request.max_src_resolution, parse_megapixels(call, call.at(0)));
  return {};
}

Result<void> apply_max_src_file_size(const Call& call, ApplyContext& context) {
  IMGRING_TRY(context.request.max_src_file_size_bytes, parse_whole(call, call.at(0)));
  return {};
}

Result<void> apply_max_animation_frames(const Call& call, ApplyContext& context) {
  IMGRING_TRY(const int frames, parse_size(call, call.at(0)));
  if (frames == 0) return bad_argument(call, call.at(0), "an integer above 0");
  context.request.max_animation_frames = frames;
  return {};
}

Result<void> apply_max_frame_resolution(const Call& call, ApplyContext& context) {
  IMGRING_TRY(context.request.max_animation_frame_resolution, parse_megapixels(call, call.at(0)));
  return {};
}

Result<void> apply_max_result_dimension(const Call& call, ApplyContext& context) {
  IMGRING_TRY(const std::int64_t side, parse_whole(call, call.at(0)));
  // 0 and below: off.
  context.request.max_result_dimension =
      static_cast<int>(std::clamp<std::int64_t>(side, 0, kSizeMax));
  return {};
}

}  // namespace imgring::url
