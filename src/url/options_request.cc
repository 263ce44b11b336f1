// URL options about sources and answers that imgproxy's paid edition has (paid.md section 6). Any
// thread. Promises: an argument that is empty or missing keeps what was there.
#include <algorithm>

#include "imgring/base/text.h"
#include "options.h"

namespace imgring::url {
namespace {

// URL-safe, with or without padding.
Result<std::string> decoded(const Call& call, std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  auto bytes = base64url_decode(text);
  if (!bytes) return bad_argument(call, text, "URL-safe Base64");
  return std::move(*bytes);
}

bool fits_tag(std::string_view tag) noexcept {
  return !tag.empty() &&
         std::ranges::all_of(tag, [](char c) { return c > ' ' && c < 0x7F && c != ','; });
}

}  // namespace

Result<void> apply_fallback_image_url(const Call& call, ApplyContext& context) {
  IMGRING_TRY(context.request.fallback_image_url, decoded(call, call.at(0)));
  return {};
}

Result<void> apply_hashsum(const Call& call, ApplyContext& context) {
  if (call.at(0).empty() && call.at(1).empty()) return {};
  const auto kind = digest_by_name(call.at(0));
  if (!kind) return bad_argument(call, call.at(0), "none, md5, sha1, sha256 or sha512");
  Hashsum sum{*kind, {}};
  if (*kind != DigestKind::kNone) {
    auto bytes = hex_decode(call.at(1));
    if (!bytes || bytes->size() != size_bytes_of(*kind)) {
      return bad_argument(call, call.at(1),
                          std::to_string(2 * size_bytes_of(*kind)) + " hex digits, as " +
                              std::string(name_of(*kind)) + " has");
    }
    sum.bytes = std::move(*bytes);
  }
  context.request.hashsum = std::move(sum);
  return {};
}

Result<void> apply_style(const Call& call, ApplyContext& context) {
  IMGRING_TRY(std::string style, decoded(call, call.at(0)));
  if (style.size() > kStyleBytesMax) {
    return bad_argument(call, std::to_string(style.size()), "a number of bytes of at most 65536");
  }
  context.request.style = std::move(style);
  return {};
}

Result<void> apply_bypass_cache(const Call& call, ApplyContext& context) {
  return keep_or(call, 0, &context.request.bypass_cache, lenient_bool);
}

// The last ones count, none keep.
Result<void> apply_cache_tags(const Call& call, ApplyContext& context) {
  if (call.arguments.empty()) return {};
  std::size_t bytes = 0;
  for (const std::string_view tag : call.arguments) {
    if (!fits_tag(tag)) return bad_argument(call, tag, "a tag: 0x21 to 0x7E without a comma");
    bytes += tag.size() + 1;
  }
  if (bytes > kCacheTagsBytesMax) {
    return bad_argument(call, std::to_string(bytes), "a number of bytes of tags of at most 4096");
  }
  context.request.cache_tags.assign(call.arguments.begin(), call.arguments.end());
  return {};
}

void show_hashsum(std::string_view name, ShowContext& context) {
  const Hashsum& sum = context.request.hashsum;
  if (sum.kind == DigestKind::kNone) return;
  context.fields.push_back(
      {std::string(name), std::string(name_of(sum.kind)) + ":" + hex_encode(as_bytes(sum.bytes))});
}

void show_style(std::string_view name, ShowContext& context) {
  const std::size_t bytes = context.request.style.size();
  if (bytes > 0) context.fields.push_back({std::string(name), std::to_string(bytes) + " bytes"});
}

void show_cache_tags(std::string_view name, ShowContext& context) {
  const auto& tags = context.request.cache_tags;
  if (!tags.empty()) context.fields.push_back({std::string(name), join(tags, ",")});
}

}  // namespace imgring::url
