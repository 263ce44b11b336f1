// Answer headers: freshness, names, validators, policy.
#include "imgring/server/answers.h"

#include <sys/random.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>

#include "imgring/base/text.h"
#include "imgring/base/uri.h"
#include "imgring/format/format.h"
#include "imgring/url/source_url.h"

namespace imgring::server {

namespace {

constexpr std::string_view kPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox";
constexpr std::string_view kIdAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

bool fit_for_id(std::string_view id) noexcept {
  return !id.empty() && id.find_first_not_of(kIdAlphabet) == std::string_view::npos;
}

// The text of "requestId" in a JSON object itself, not in objects inside it; of several the last.
// One that needs unescaping is unfit anyway.
std::string_view amazon_request_id(std::string_view json) noexcept {
  constexpr std::string_view kSpace = " \t\r\n";
  std::string_view key, found;
  int depth = 0;
  for (std::size_t at = 0; at < json.size(); ++at) {
    const char c = json[at];
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (c == ',') key = {};
    if (c != '"') continue;
    std::size_t end = at + 1;
    while (end < json.size() && json[end] != '"') end += json[end] == '\\' ? 2 : 1;
    if (end >= json.size()) return {};
    const std::string_view text = json.substr(at + 1, end - at - 1);
    const std::size_t next = json.find_first_not_of(kSpace, end + 1);
    const bool is_key = next != std::string_view::npos && json[next] == ':';
    if (depth == 1 && !is_key && equal_ignore_case(key, "requestId")) found = text;
    key = is_key && depth == 1 ? text : std::string_view();
    at = end;
  }
  return depth == 0 ? found : std::string_view();
}

}  // namespace

std::string RequestIds::next() {
  static_assert(kIdAlphabet.size() == 64);  // else some characters would be likelier than others
  if (left_ == 0) {
    constexpr auto kAll = static_cast<ssize_t>(sizeof bytes_);
    if (getrandom(bytes_.data(), bytes_.size(), 0) != kAll) return std::string(kLength, '0');
    left_ = bytes_.size();
  }
  left_ -= kLength;
  std::string id(kLength, '0');
  for (std::size_t i = 0; i < kLength; ++i) {
    id[i] = kIdAlphabet[bytes_[left_ + i] % kIdAlphabet.size()];
  }
  return id;
}

std::string request_id_of(const http::Headers& headers, RequestIds& ids) {
  const std::string_view given = headers.get("x-request-id");
  if (fit_for_id(given)) return std::string(given);
  const std::string_view amazon = amazon_request_id(headers.get("x-amzn-request-context"));
  if (fit_for_id(amazon)) return std::string(amazon);
  return ids.next();
}

std::string client_address(const http::Headers& headers, const http::Peer& peer) {
  const std::string_view cloudflare = headers.get("cf-connecting-ip");
  if (!cloudflare.empty()) return std::string(cloudflare);
  const std::string_view forwarded = headers.get("x-forwarded-for");
  if (!forwarded.empty()) return std::string(trim(forwarded.substr(0, forwarded.find(','))));
  const std::string_view real = headers.get("x-real-ip");
  return real.empty() ? peer.text() : std::string(real);
}

http::Response base_response(int status, std::string_view request_id) {
  http::Response response;
  response.status = status;
  constexpr std::size_t kUsualFields = 8;
  response.headers.fields().reserve(kUsualFields);
  response.headers.add("Content-Security-Policy", std::string(kPolicy));
  response.headers.add("X-Request-Id", std::string(request_id));
  return response;
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

namespace {

std::string_view bare_etag(std::string_view etag) noexcept {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
    etag = etag.substr(1, etag.size() - 2);
  }
  return etag;
}

// The source's ETag inside a busted one; nullopt when the buster is another.
std::optional<std::string> unbusted(std::string_view etag, std::string_view buster) {
  const std::string_view bare = bare_etag(etag);
  if (!bare.starts_with(buster) || bare.size() <= buster.size() || bare[buster.size()] != '/') {
    return std::nullopt;
  }
  return base64url_decode(bare.substr(buster.size() + 1));
}

}  // namespace

http::Headers conditional_headers(const http::Headers& client, const config::ServerConfig& config) {
  http::Headers out;
  const std::string_view etag = client.get("if-none-match");
  if (config.use_etag && !etag.empty()) {
    if (config.etag_buster.empty()) {
      out.add("If-None-Match", std::string(etag));
    } else {
      auto inner = unbusted(etag, config.etag_buster);
      if (!inner) return {};
      if (!inner->empty()) out.add("If-None-Match", std::move(*inner));
    }
  }
  const std::string_view since = client.get("if-modified-since");
  if (config.use_last_modified && !since.empty()) {
    const auto& buster = config.last_modified_buster_unix_s;
    const auto time = http::parse_http_date(since);
    if (!buster || (time && *buster < *time)) out.add("If-Modified-Since", std::string(since));
  }
  return out;
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

namespace {

using MediaRanges = std::initializer_list<std::string_view>;

// The highest q that an Accept header gives one of `ranges`; 0 when it names none.
double accepted_q(std::string_view accept, MediaRanges ranges) {
  double best = 0;
  for (const std::string_view item : split(accept, ",")) {
    const auto pieces = split(item, ";");
    const std::string_view name = trim(pieces[0]);
    const bool named = std::any_of(ranges.begin(), ranges.end(), [&](std::string_view range) {
      return equal_ignore_case(name, range);
    });
    if (!named) continue;
    double q = 1;
    for (std::size_t i = 1; i < pieces.size(); ++i) {
      const std::string_view parameter = trim(pieces[i]);
      if (!equal_ignore_case(parameter.substr(0, 2), "q=")) continue;
      q = parse_float(parameter.substr(2)).value_or(0);
    }
    best = std::max(best, q);
  }
  return best;
}

bool prefers_json(std::string_view accept, bool development) {
  if (accept.find_first_of("jJ") == std::string_view::npos) return false;
  const double json = accepted_q(accept, {"application/json"});
  const double text = accepted_q(accept, {"text/plain", "text/*", "*/*"});
  const double page = development ? accepted_q(accept, {"text/html"}) : 0;
  return json > std::max(text, page);
}

}  // namespace

bool error_is_plain(std::string_view accept, bool development) {
  return !development && !prefers_json(accept, development);
}

ErrorBody error_body(const Error& error, std::string_view accept, std::string_view request_id,
                     bool development) {
  const std::string text(error.public_text());
  if (prefers_json(accept, development)) {
    std::string body = "{\"status\":" + std::to_string(error.status()) +
                       ",\"message\":" + json_quote(text) +
                       ",\"request_id\":" + json_quote(request_id);
    if (development) body += ",\"detail\":" + json_quote(error.detail);
    return {body + "}", "application/json"};
  }
  if (!development) return {text, "text/plain"};
  const std::string detail = error.detail.empty() ? text : text + ": " + error.detail;
  if (accept.find("text/html") == std::string_view::npos) {
    return {detail + "\n\n", "text/plain; charset=utf-8"};
  }
  std::string page = "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>";
  page += std::to_string(error.status()) + " " + html_escape(text);
  page +=
      "</title><style>body{font:16px/1.5 sans-serif;margin:3em auto;max-width:46em}"
      "pre{white-space:pre-wrap;background:#f4f4f4;padding:1em}</style></head><body><h1>";
  page += std::to_string(error.status()) + " " + html_escape(text) + "</h1><pre>";
  page += html_escape(detail) + "</pre><p>Request ID: " + html_escape(request_id);
  page += "</p><p>imgring " IMGRING_VERSION "</p></body></html>";
  return {page, "text/html; charset=utf-8"};
}

std::string landing_page() {
  return "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>imgring</title><style>"
         "body{font:16px/1.6 sans-serif;margin:4em auto;max-width:40em;padding:0 1em}"
         "code{background:#f2f2f2;padding:.1em .3em}</style></head><body>"
         "<h1>imgring is running</h1>"
         "<p>An image processing server. Ask it for a picture:</p>"
         "<p><code>/SIGNATURE/rs:fit:500:0/q:80/plain/https://host/photo.jpg@webp</code></p>"
         "<p>It reads the URLs and the <code>IMGPROXY_*</code> settings of imgproxy.</p>"
         "<p><small>Version " IMGRING_VERSION "</small></p></body></html>";
}

}  // namespace imgring::server
