// Answer headers: freshness, names, validators, policy.
#include "imgring/service/answers.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>

#include "imgring/base/text.h"
#include "imgring/base/uri.h"
#include "imgring/format/format.h"
#include "imgring/url/source_url.h"

namespace imgring::service {

namespace {

constexpr std::string_view kPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox";
}  // namespace

http::Response base_response(int status, std::string_view request_id) {
  http::Response response;
  response.status = status;
  constexpr std::size_t kUsualFields = 8;
  response.headers.fields().reserve(kUsualFields);
  response.headers.add("Content-Security-Policy", std::string(kPolicy));
  response.headers.add("X-Request-Id", std::string(request_id));
  return response;
}

void add_cors(http::Response& response, const config::Config& config) {
  if (config.server.allow_origin.empty()) return;
  response.headers.add("Access-Control-Allow-Origin", config.server.allow_origin);
  response.headers.add("Access-Control-Allow-Methods", "GET, OPTIONS");
}

void add_custom(http::Response& response, const config::Config& config) {
  for (const auto& [name, value] : config.server.custom_response_headers) {
    response.headers.set(name, value);
  }
}

namespace {

// What the source says, with its Cache-Control before all; empty: nothing that counts.
std::string source_control(const http::Headers& source, std::int64_t now_unix_s) {
  const std::string_view given = source.get("cache-control");
  if (!given.empty()) return std::string(given);
  for (const auto& [name, value] : source.fields()) {
    if (!equal_ignore_case(name, "pragma")) continue;
    // It means what Cache-Control would (RFC 9111 5.4), whatever Expires says.
    for (const std::string_view directive : split(value, ",")) {
      if (equal_ignore_case(trim(directive), "no-cache")) return "no-cache";
    }
  }
  const auto expires = http::parse_http_date(source.get("expires"));
  if (!expires || *expires <= now_unix_s) return {};
  return "max-age=" + std::to_string(*expires - now_unix_s) + ", public";
}

}  // namespace

std::optional<std::string> cache_control(const Freshness& f, const config::Config& config) {
  const std::int64_t ttl = config.server.ttl_s;
  const auto max_age = [](std::int64_t s) { return "max-age=" + std::to_string(s) + ", public"; };
  std::optional<std::int64_t> explicit_age;
  if (f.fallback_used && config.processing.fallback_image_ttl_s > 0) {
    explicit_age = config.processing.fallback_image_ttl_s;
  }
  if (f.expires_unix_s) {
    const std::int64_t expires = *f.expires_unix_s;
    const std::int64_t left = expires > f.now_unix_s ? expires - f.now_unix_s : 0;
    if (!explicit_age || left < *explicit_age) explicit_age = std::min(ttl, left);
  }
  if (explicit_age && *explicit_age > 0) return max_age(*explicit_age);
  if (f.status >= 400) return std::nullopt;
  // In imgproxy 0 and below take a fallback's age away and set none. A time that passed while the
  // answer was made stays: what has expired is not kept.
  if (f.expires_unix_s && *f.expires_unix_s <= 0) explicit_age.reset();
  if (config.server.cache_control_passthrough && !explicit_age && f.source != nullptr) {
    std::string control = source_control(*f.source, f.now_unix_s);
    if (!control.empty()) return control;
  }
  if (!explicit_age && ttl > 0) return max_age(ttl);
  return "no-cache";
}

std::string source_stem(std::string_view source_url) {
  // imgproxy's textual rule, which makes "127.0.0" of "http://127.0.0.1:80".
  std::string_view name = source_url.substr(source_url.rfind('/') + 1);  // npos + 1 is 0
  const std::size_t dot = name.rfind('.');
  if (dot != std::string_view::npos) name = name.substr(0, dot);
  return name.empty() ? "image" : std::string(name);
}

std::string raw_path(std::string_view source_url) {
  const std::string scheme = url::scheme_of(source_url);
  const std::size_t host = source_url.find("://");
  std::string_view path = host == std::string_view::npos ? source_url : source_url.substr(host + 3);
  const bool web = scheme == "http" || scheme == "https";
  if (web) path = path.substr(0, path.find_first_of("?#"));
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return "/";
  path = path.substr(slash);
  return web ? percent_decode(path).value_or(std::string(path)) : std::string(path);
}

std::string raw_extension(std::string_view path, std::string_view content_type) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  if (dot != std::string_view::npos) return std::string(name.substr(dot));
  const std::string_view type = trim(content_type.substr(0, content_type.find(';')));
  for (int i = 1; i < kImageTypeCount; ++i) {
    const format::Format& facts = facts_of(static_cast<ImageType>(i));
    if (equal_ignore_case(facts.mime, type)) return std::string(facts.extension);
  }
  return {};
}

namespace {

std::string replace_first(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

// CR and LF become spaces, as imgproxy writes them; so do the other control characters: with one of
// them in it clients refuse the header or the answer.
std::string without_controls(std::string value) {
  for (char& c : value) {
    const bool control = (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
    if (control) c = ' ';
  }
  return value;
}

}  // namespace

std::string content_disposition(const DispositionInput& in) {
  std::string name =
      in.filename.empty() ? source_stem(display_text(in.source_url)) : std::string(in.filename);
  name = replace_all(replace_all(name.append(in.extension), "\"", "%22"), "\\", "%5C");
  std::string value = in.attachment ? "attachment" : "inline";
  value.append("; filename=\"").append(name).append("\"");
  return without_controls(std::move(value));
}

std::optional<std::string> canonical_link(std::string_view source_url) {
  const Result<url::HttpUrl> parsed = url::parse_http_url(source_url);
  if (!parsed) return std::nullopt;
  std::string shown(source_url);
  if (parsed->user_info) shown = replace_first(shown, "//" + *parsed->user_info + "@", "//");
  if (display_text(shown) != shown) return std::nullopt;
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string value = "<";
  for (const char c : shown) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte > 0x20 && byte < 0x7F &&
                       std::string_view("<>\"\\^`{|}").find(c) == std::string_view::npos;
    if (plain) {
      value += c;
    } else {
      value += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return value + ">; rel=\"canonical\"";
}

std::string vary(const config::Config& config) {
  const config::ProcessingConfig& p = config.processing;
  std::vector<std::string> names;
  if (p.auto_webp || p.auto_avif || p.auto_jxl || p.enforce_webp || p.enforce_avif ||
      p.enforce_jxl) {
    names.push_back("Accept");
  }
  if (p.enable_client_hints) names.push_back("Sec-Ch-Dpr, Dpr, Sec-Ch-Width, Width");
  if (config.memory.gzip_compression > 0) names.push_back("Accept-Encoding");
  return join(names, ", ");
}

void add_validators(http::Response& response, const http::Headers& source,
                    const config::ServerConfig& config) {
  const std::string_view etag = source.get("etag");
  if (config.use_etag && !etag.empty()) {
    const std::string value =
        config.etag_buster.empty()
            ? std::string(etag)
            : "\"" + config.etag_buster + "/" + base64url_encode(as_bytes(etag)) + "\"";
    response.headers.add("Etag", value);
  }
  const std::string_view modified = source.get("last-modified");
  if (!config.use_last_modified || modified.empty()) return;
  const auto time = http::parse_http_date(modified);
  if (!time) return;
  const std::int64_t raised = std::max(*time, config.last_modified_buster_unix_s.value_or(*time));
  response.headers.add("Last-Modified",
                       raised == *time ? std::string(modified) : http::http_date(raised));
}

}  // namespace imgring::service
