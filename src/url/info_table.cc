// One row for each option of the info endpoint (info.md section 2). All of them take empty trailing
// arguments, and keep what was set before where an argument is empty.
#include "info_table.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "imgring/base/text.h"
#include "options.h"

namespace imgring::url {
namespace {

using I = InfoOptions;

// ---- arguments

template <bool I::* Member>
Result<void> apply_flag(const Call& call, InfoContext& context) {
  if (!call.at(0).empty()) context.info.*Member = parse_lenient_bool(call, call.at(0));
  return {};
}
template <bool I::* First, bool I::* Second>
Result<void> apply_flags(const Call& call, InfoContext& context) {
  if (!call.at(0).empty()) context.info.*First = parse_lenient_bool(call, call.at(0));
  if (!call.at(1).empty()) context.info.*Second = parse_lenient_bool(call, call.at(1));
  return {};
}

// What means the same for pictures.
template <Apply Applied>
Result<void> apply_as_for_pictures(const Call& call, InfoContext& context) {
  ApplyContext same{context.request, context.request.first(), context.now_unix_s};
  return Applied(call, same);
}

Result<void> apply_info_crop(const Call& call, InfoContext& context) {
  PixelOptions pixels;
  pixels.crop = context.info.crop;
  ApplyContext same{context.request, pixels, context.now_unix_s};
  const Result<void> applied = apply_crop(call, same);
  context.info.crop = pixels.crop;  // of a gravity that is left out its stand-in as well
  return applied;
}

Result<void> apply_palette(const Call& call, InfoContext& context) {
  if (call.at(0).empty()) return {};
  const auto colors = parse_int(call.at(0));
  if (!colors || *colors < 0 || *colors == 1 || *colors > kPaletteMax) {
    return bad_argument(call, call.at(0), "0, or 2..256 colors");
  }
  context.info.palette = static_cast<int>(*colors);
  return {};
}

Result<void> set_components(const Call& call, std::string_view text, int* components) {
  if (text.empty()) return {};
  const auto count = parse_int(text);
  if (!count || *count < 0 || *count > kBlurhashComponentsMax) {
    return bad_argument(call, text, "0..9 components");
  }
  *components = static_cast<int>(*count);
  return {};
}

Result<void> apply_blurhash(const Call& call, InfoContext& context) {
  IMGRING_TRY_VOID(set_components(call, call.at(0), &context.info.blurhash_x));
  return set_components(call, call.at(1), &context.info.blurhash_y);
}

Result<void> apply_calc_hashsums(const Call& call, InfoContext& context) {
  std::array<bool, kDigestKindCount> wanted = {};
  for (const std::string_view text : call.arguments) {
    if (text.empty()) continue;
    const auto kind = digest_by_name(text);
    if (!kind || *kind == DigestKind::kNone) {
      return bad_argument(call, text, "md5, sha1, sha256 or sha512");
    }
    wanted[static_cast<std::size_t>(*kind)] = true;
  }
  context.info.hashsums = wanted;
  return {};
}

// Off is what it is without a model.
Result<void> apply_detect_objects(const Call& call, InfoContext&) {
  if (call.at(0).empty() || !parse_lenient_bool(call, call.at(0))) return {};
  return not_supported_yet(call, "detect_objects");
}
Result<void> apply_classify(const Call& call, InfoContext&) {
  if (call.at(0).empty()) return {};
  IMGRING_TRY(const int top_k, parse_size(call, call.at(0)));
  if (top_k == 0) return {};
  return not_supported_yet(call, "classify");
}

// Those two need all of the file.
Result<void> apply_info_page(const Call& call, InfoContext& context) {
  IMGRING_TRY_VOID(apply_as_for_pictures<apply_page>(call, context));
  context.info.page = context.request.page;
  return {};
}
Result<void> apply_info_hashsum(const Call& call, InfoContext& context) {
  IMGRING_TRY_VOID(apply_as_for_pictures<apply_hashsum>(call, context));
  context.info.checks_hashsum = context.request.hashsum.kind != DigestKind::kNone;
  return {};
}

// ---- what is shown

template <auto Member>
void show_member(std::string_view name, const I& options, LogGroup& fields) {
  static const I plain;
  show_value_of(name, options.*Member, plain.*Member, fields);
}
void show_exif(std::string_view name, const I& options, LogGroup& fields) {
  show_member<&I::exif>(name, options, fields);
  show_member<&I::exif_canonical_names>("exif_canonical_names", options, fields);
}
void show_alpha(std::string_view name, const I& options, LogGroup& fields) {
  show_member<&I::alpha>(name, options, fields);
  show_member<&I::check_transparency>("check_transparency", options, fields);
}
void show_average(std::string_view name, const I& options, LogGroup& fields) {
  show_member<&I::average>(name, options, fields);
  show_member<&I::average_ignore_transparent>("ignore_transparent", options, fields);
}
void show_dominant_colors(std::string_view name, const I& options, LogGroup& fields) {
  show_member<&I::dominant_colors>(name, options, fields);
  show_member<&I::build_missed>("build_missed", options, fields);
}
void show_blurhash(std::string_view name, const I& options, LogGroup& fields) {
  if (!options.wants_blurhash()) return;
  fields.push_back({std::string(name),
                    std::to_string(options.blurhash_x) + ":" + std::to_string(options.blurhash_y)});
}
void show_info_crop(std::string_view name, const I& options, LogGroup& fields) {
  if (!options.wants_crop()) return;
  fields.push_back({std::string(name), format_number(options.crop.width) + ":" +
                                           format_number(options.crop.height) + ":" +
                                           std::string(name_of(options.crop.gravity.type))});
}
void show_hashsums(std::string_view name, const I& options, LogGroup& fields) {
  std::vector<std::string> kinds;
  for (std::size_t i = 0; i < kDigestKindCount; ++i) {
    if (options.hashsums[i]) kinds.emplace_back(name_of(static_cast<DigestKind>(i)));
  }
  if (!kinds.empty()) fields.push_back({std::string(name), join(kinds, ":")});
}

// ---- rows

template <bool I::* Member>
constexpr InfoRow flag(UrlOption about) {
  return {about, apply_flag<Member>, show_member<Member>};
}
constexpr InfoRow row(UrlOption about, InfoApply apply, InfoShow show = nullptr) {
  return {about, apply, show};
}
constexpr InfoRow security(UrlOption about, InfoApply apply) {
  about.security = about.never_ignored = true;
  return {about, apply, nullptr};
}
constexpr InfoRow never_ignored(UrlOption about, InfoApply apply, InfoShow show) {
  about.never_ignored = true;
  return {about, apply, show};
}

constexpr std::string_view kInfoPresetName = "preset";

constexpr InfoRow kInfoRows[] = {
    flag<&I::size>({"size", "s", "boolean", "true", "Bytes of the file."}),
    flag<&I::format>({"format", "f", "boolean", "true", "Format and MIME type."}),
    flag<&I::dimensions>(
        {"dimensions", "d", "boolean", "true", "Width, height and EXIF orientation."}),
    row({"exif", "", "boolean:canonical_names", "true:false", "EXIF.", 2},
        apply_flags<&I::exif, &I::exif_canonical_names>, show_exif),
    flag<&I::iptc>({"iptc", "", "boolean", "true", "IPTC, and the resolution of Photoshop."}),
    flag<&I::xmp>({"xmp", "", "boolean", "true", "XMP."}),
    flag<&I::video_meta>({"video_meta", "vm", "boolean", "true", "Of videos, which no source is."}),
    row({"detect_objects", "do", "boolean", "false", "Objects: needs a model, not built."},
        apply_detect_objects),
    row({"classify", "cl", "top_k:class:...", "0", "Classes: needs a model, not built.", 0},
        apply_classify),
    flag<&I::colorspace>({"colorspace", "cs", "boolean", "false", "Colour space."}),
    flag<&I::bands>({"bands", "b", "boolean", "false", "Bands of a pixel."}),
    flag<&I::sample_format>({"sample_format", "sf", "boolean", "false", "Type of a sample."}),
    flag<&I::pages_number>({"pages_number", "pn", "boolean", "false", "Pages or frames."}),
    row({"alpha", "a", "boolean:check_transparency", "false:false",
         "Whether there is alpha, and whether it is used.", 2},
        apply_flags<&I::alpha, &I::check_transparency>, show_alpha),
    row({"crop", "c", "width:height:gravity:x:y", "0:0:ce", "Where a crop would cut.", 0},
        apply_info_crop, show_info_crop),
    row({"objects_position", "obj_pos,op", "type:x:y", "ce:0:0", "Of objects: moves nothing.", 3},
        apply_as_for_pictures<apply_objects_position>),
    row({"palette", "p", "2..256", "0", "Palette of so many colours."}, apply_palette,
        show_member<&I::palette>),
    row({"average", "avg", "boolean:ignore_transparent", "false:true", "Average colour.", 2},
        apply_flags<&I::average, &I::average_ignore_transparent>, show_average),
    row({"dominant_colors", "dc", "boolean:build_missed", "false:false",
         "Vibrant and muted colours.", 2},
        apply_flags<&I::dominant_colors, &I::build_missed>, show_dominant_colors),
    row({"blurhash", "bh", "x:y", "0:0", "BlurHash of 1..9 components each way.", 2},
        apply_blurhash, show_blurhash),
    flag<&I::thumb_hash>({"thumb_hash", "th", "boolean", "false", "ThumbHash."}),
    flag<&I::perceptual_hash>(
        {"perceptual_hash", "phash,ph", "boolean", "false", "Perceptual hash."}),
    row({"calc_hashsums", "chs", "type:...", "", "md5, sha1, sha256, sha512 of the file.", 0},
        apply_calc_hashsums, show_hashsums),
    row({"video_thumbnail_second", "vts", "number", "", "Of videos, which no source is."},
        apply_as_for_pictures<apply_video_second>),
    row({"video_thumbnail_keyframes", "vtk", "boolean", "", "Of videos, which no source is."},
        apply_as_for_pictures<apply_video_keyframes>),
    row({"cachebuster", "cb", "text", "", "No effect; makes a URL new."},
        apply_as_for_pictures<apply_cachebuster>),
    row({"expires", "exp", "unix time", "", "Until when the URL is good."},
        apply_as_for_pictures<apply_expires>),
    row({kInfoPresetName, "pr", "name:...", "", "Apply info presets.", 0}, nullptr),
    row({"bypass_cache", "bc", "boolean", "false", "Past the result cache (there is none yet)."},
        apply_as_for_pictures<apply_bypass_cache>),
    row({"page", "pg", "number", "0", "Page of the source."}, apply_info_page,
        show_member<&I::page>),
    row({"cache_tags", "ct", "tag:...", "", "Tags for a CDN, in the answer's head.", 0},
        apply_as_for_pictures<apply_cache_tags>),
    never_ignored({"hashsum", "hs", "none|md5|sha1|sha256|sha512:hex", "none",
                   "Hash sum of the source: another one is refused.", 2},
                  apply_info_hashsum, show_member<&I::checks_hashsum>),
    security({"max_src_resolution", "msr", "megapixels", "50", "Most pixels of the source."},
             apply_as_for_pictures<apply_max_src_resolution>),
    security({"max_src_file_size", "msfs", "bytes", "0", "Most bytes of the source."},
             apply_as_for_pictures<apply_max_src_file_size>),
};

using InfoIndex = std::unordered_map<std::string_view, const InfoRow*>;
InfoIndex make_info_index() {
  InfoIndex index;
  for (const InfoRow& each : kInfoRows) {
    index.emplace(each.about.name, &each);
    if (each.about.aliases.empty()) continue;
    for (const std::string_view alias : split(each.about.aliases, ",")) {
      index.emplace(alias, &each);
    }
  }
  return index;
}

}  // namespace

std::span<const InfoRow> info_rows() noexcept { return kInfoRows; }

const InfoRow* find_info_row(std::string_view name) noexcept {
  static const InfoIndex index = make_info_index();
  const auto at = index.find(name);
  return at == index.end() ? nullptr : at->second;
}

bool is_preset_option(const InfoRow& each) noexcept { return each.about.name == kInfoPresetName; }

std::span<const UrlOption> info_url_options() noexcept {
  static const std::vector<UrlOption> options = [] {
    std::vector<UrlOption> all;
    for (const InfoRow& each : kInfoRows) all.push_back(each.about);
    return all;
  }();
  return options;
}

const UrlOption* find_info_url_option(std::string_view name) noexcept {
  const InfoRow* found = find_info_row(name);
  return found ? &found->about : nullptr;
}

LogGroup log_fields(const InfoOptions& options) {
  LogGroup group;
  for (const InfoRow& each : kInfoRows) {
    if (each.show != nullptr) each.show(each.about.name, options, group);
  }
  return group;
}

std::string describe(const InfoOptions& options) { return fields_text(log_fields(options)); }

}  // namespace imgring::url
