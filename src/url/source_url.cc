// Source URLs taken apart (see source_url.h). Any thread.
// Follows Go's net/url where imgproxy's answers depend on it; all failures are "unreachable".
#include "imgring/url/source_url.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "imgring/base/text.h"
#include "imgring/base/uri.h"

namespace imgring::url {
namespace {

std::unexpected<Error> bad_url(std::string_view why) {
  return fail(ErrorCode::kSourceUnreachable, "bad source URL: " + std::string(why));
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

// Length of "scheme", 0 when the text does not begin with "scheme:".
std::size_t scheme_length(std::string_view url) {
  for (std::size_t i = 0; i < url.size(); ++i) {
    const char c = url[i];
    if (is_letter(c) || (i > 0 && (is_digit(c) || is_one_of(c, "+-.")))) continue;
    return c == ':' ? i : 0;
  }
  return 0;
}

// A URL's components by RFC 3986, appendix B. An absent component is not the same as an empty one.
struct Components {
  std::string_view scheme, authority, path, query;
  bool has_authority = false, has_query = false;
};
Components take_apart(std::string_view url) {
  Components parts;
  url = url.substr(0, url.find('#'));
  if (const std::size_t length = scheme_length(url); length > 0) {
    parts.scheme = url.substr(0, length);
    url.remove_prefix(length + 1);
  }
  if (url.starts_with("//")) {
    parts.has_authority = true;
    url.remove_prefix(2);
    parts.authority = url.substr(0, url.find_first_of("/?"));
    url.remove_prefix(parts.authority.size());
  }
  parts.path = url.substr(0, url.find('?'));
  parts.has_query = parts.path.size() < url.size();
  if (parts.has_query) parts.query = url.substr(parts.path.size() + 1);
  return parts;
}

// As in imgproxy, no URL holds one: its name would go into a header of ours.
bool has_control(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

// What may stand in a path or query as it is; `%` is judged by its escape.
std::string encode(std::string_view text, std::string_view also) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    const bool safe = is_letter(c) || is_digit(c) || is_one_of(c, "-._~!$&'()*+,;=:@/%[]");
    if (safe || is_one_of(c, also)) {
      result += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      result += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return result;
}

// "user:password" as a header's value; escapes are decoded.
Result<std::string> basic_authorization(std::string_view user_info) {
  for (const char c : user_info) {
    const bool fine = is_letter(c) || is_digit(c) || is_one_of(c, "-._:~!$&'()*+,;=%@");
    if (!fine) return bad_url("invalid user information");
  }
  const std::size_t colon = user_info.find(':');
  const auto user = percent_decode(user_info.substr(0, colon));
  const auto password = percent_decode(
      colon == std::string_view::npos ? std::string_view() : user_info.substr(colon + 1));
  if (!user || !password) return bad_url("invalid user information");
  return "Basic " + base64_encode(as_bytes(*user + ":" + *password));
}

// "[::1]" with or without a zone, brackets included.
Result<void> set_ipv6_host(std::string_view text, HttpUrl& url) {
  std::string_view inner = text.substr(1, text.size() - 2);
  const std::size_t zone = inner.find("%25");
  const std::string_view address = inner.substr(0, zone);
  for (const char c : address) {
    if (!is_digit(c) && !is_one_of(c, "abcdefABCDEF:.")) return bad_url("invalid IPv6 address");
  }
  if (address.find(':') == std::string_view::npos) return bad_url("invalid IPv6 address");
  url.host = to_lower(address);
  url.host_is_ipv6 = true;
  url.host_header = "[" + std::string(address) + "]";
  if (zone == std::string_view::npos) return {};
  const auto name = percent_decode(inner.substr(zone + 3));
  if (!name || name->empty()) return bad_url("invalid IPv6 zone");
  for (const char c : *name) {
    if (!is_letter(c) && !is_digit(c) && !is_one_of(c, "-._~")) return bad_url("invalid IPv6 zone");
  }
  url.host += "%" + *name;
  return {};
}

Result<void> set_host(std::string_view text, HttpUrl& url) {
  if (text.empty()) return bad_url("there is no host");
  if (text[0] == '[') return set_ipv6_host(text, url);
  for (const char c : text) {
    // TODO(compat): international names, which Go turns into punycode.
    const bool fine = is_letter(c) || is_digit(c) || is_one_of(c, "-._~!$&'()*+,;=");
    if (!fine) return bad_url("invalid character in the host");
  }
  url.host = to_lower(text);
  url.host_header = text;
  return {};
}

Result<void> set_port(std::string_view text, HttpUrl& url) {
  url.port = url.https ? 443 : 80;
  if (text.empty()) return {};
  int port = 0;
  for (const char c : text) {
    if (!is_digit(c)) return bad_url("invalid port");
    port = port * 10 + (c - '0');
    if (port > 65535) return bad_url("invalid port");
  }
  url.port = static_cast<std::uint16_t>(port);
  url.host_header += ":" + std::string(text);
  return {};
}

std::size_t hex_pair(std::string_view text, std::size_t at) noexcept {
  const auto digit = [](char c) -> std::size_t {
    if (c >= '0' && c <= '9') return static_cast<std::size_t>(c - '0');
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? static_cast<std::size_t>(lower - 'a' + 10) : 0x100;
  };
  if (at + 2 > text.size()) return 0x100;
  const std::size_t high = digit(text[at]), low = digit(text[at + 1]);
  return high > 15 || low > 15 ? 0x100 : high * 16 + low;
}

struct Letter {
  char value;
  std::size_t size;
};

// An escaped byte, also one whose % is escaped itself, however often.
struct Escaped {
  std::size_t value, size;  // value 0x100: none
};
Escaped escaped_at(std::string_view text, std::size_t at) noexcept {
  if (at >= text.size() || text[at] != '%') return {0x100, 0};
  std::size_t digits = at + 1;
  while (text.substr(digits, 2) == "25") digits += 2;
  return {hex_pair(text, digits), digits + 2 - at};
}

Letter letter_at(std::string_view text, std::size_t at) noexcept {
  struct Overlong {
    std::size_t first, second;
    char value;
  };
  constexpr Overlong kOverlong[] = {{0xC0, 0xAE, '.'}, {0xC0, 0xAF, '/'}, {0xC1, 0x9C, '\\'}};
  const Escaped first = escaped_at(text, at);
  if (first.value > 0xFF) return {text[at], 1};
  if (first.value < 0x80) return {static_cast<char>(first.value), first.size};
  const Escaped second = escaped_at(text, at + first.size);
  for (const Overlong& one : kOverlong) {
    const bool here = first.value == one.first && second.value == one.second;
    if (here) return {one.value, first.size + second.size};
  }
  return {'\x7f', first.size};  // some byte that is no dot
}

// RFC 3986, section 5.2.4. The path begins with a slash.
std::string without_dot_segments(std::string_view path) {
  std::vector<std::string_view> kept;
  const std::vector<std::string_view> segments = split(path.substr(1), "/");
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const bool last = i + 1 == segments.size();
    if (segments[i] == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (segments[i] != ".") {
      kept.push_back(segments[i]);
      continue;
    }
    // A dot segment at the end leaves its slash.
    if (last) kept.emplace_back();
  }
  std::string result;
  for (const std::string_view segment : kept) result.append("/").append(segment);
  return result.empty() ? "/" : result;
}

}  // namespace

std::string scheme_of(std::string_view url) { return to_lower(url.substr(0, scheme_length(url))); }

std::string encode_path(std::string_view path) { return encode(path, ""); }

std::string encode_query(std::string_view query) { return encode(query, "?\\^`{|}"); }

Result<HttpUrl> parse_http_url(std::string_view text) {
  if (has_control(text)) return bad_url("control character");
  const Components parts = take_apart(text);
  const std::string scheme = to_lower(parts.scheme);
  if (scheme != "http" && scheme != "https") return bad_url("not http or https");
  HttpUrl url;
  url.https = scheme == "https";
  std::string_view host = parts.authority;
  if (const std::size_t at = host.rfind('@'); at != std::string_view::npos) {
    IMGRING_TRY(url.authorization, basic_authorization(host.substr(0, at)));
    url.user_info = host.substr(0, at);
    host.remove_prefix(at + 1);
  }
  const std::size_t bracket = host.rfind(']');
  if (host.starts_with('[') && bracket == std::string_view::npos) return bad_url("invalid host");
  const std::size_t from = host.starts_with('[') ? bracket + 1 : 0;
  const std::size_t colon = host.find(':', from);
  if (from > 0 && from != host.size() && colon != from) return bad_url("invalid host");
  IMGRING_TRY_VOID(set_host(host.substr(0, colon), url));
  IMGRING_TRY_VOID(set_port(colon == std::string_view::npos ? "" : host.substr(colon + 1), url));
  if (!percent_escapes_valid(parts.path)) return bad_url("malformed escape");
  url.target = encode_path(parts.path);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  // A query is data: a lone % in it stays, as in Go.
  if (parts.has_query) url.target += "?" + encode_query(parts.query);
  return url;
}

std::string display_text(const HttpUrl& url) {
  return imgring::display_text((url.https ? "https://" : "http://") + url.host_header + url.target);
}

Result<StorageUrl> parse_storage_url(std::string_view text, std::string_view query_separator) {
  if (has_control(text)) return bad_url("control character");
  StorageUrl url;
  url.scheme = scheme_of(text);
  if (url.scheme.empty()) return bad_url("no scheme");
  text.remove_prefix(url.scheme.size() + 1);
  if (text.starts_with("//")) {
    text.remove_prefix(2);
    url.bucket = text.substr(0, text.find('/'));
    text.remove_prefix(url.bucket.size());
  } else if (!text.starts_with('/')) {
    return bad_url("no path");
  }
  if (!query_separator.empty()) {
    if (const std::size_t at = text.find(query_separator); at != std::string_view::npos) {
      url.version = text.substr(at + query_separator.size());
      url.has_version = true;
      text = text.substr(0, at);
    }
  }
  while (text.starts_with('/')) text.remove_prefix(1);
  url.key = text;
  return url;
}

bool has_dot_segment(std::string_view path) noexcept {
  int dots = 0;
  bool other = false, parameters = false;
  for (std::size_t at = 0; at < path.size();) {
    const Letter letter = letter_at(path, at);
    at += letter.size;
    if (letter.value == '/' || letter.value == '\\') {
      if (!other && (dots == 1 || dots == 2)) return true;
      dots = 0;
      other = parameters = false;
    } else if (letter.value == ';') {
      parameters = true;
    } else if (!parameters && !(letter.value >= 0 && letter.value <= ' ')) {
      if (letter.value == '.') ++dots;
      if (letter.value != '.') other = true;
    }
  }
  return !other && (dots == 1 || dots == 2);
}

Result<std::string> resolve_redirect(std::string_view base, std::string_view location) {
  if (location.empty()) return bad_url("the redirect has no location");
  if (has_control(location)) return bad_url("control character");
  const Components to = take_apart(location), from = take_apart(base);
  std::string result;
  const auto finish = [&](std::string_view path, bool has_query, std::string_view query) {
    result += path.starts_with('/') ? without_dot_segments(path) : std::string(path);
    if (has_query) result.append("?").append(query);
    return result;
  };
  if (!to.scheme.empty()) {
    result.append(to.scheme).append(":");
    if (to.has_authority) result.append("//").append(to.authority);
    return finish(to.path, to.has_query, to.query);
  }
  result.append(from.scheme).append("://");
  if (to.has_authority) {
    result += to.authority;
    return finish(to.path, to.has_query, to.query);
  }
  result += from.authority;
  if (to.path.empty()) {
    const bool query = to.has_query;
    return finish(from.path, query || from.has_query, query ? to.query : from.query);
  }
  if (to.path.starts_with('/')) return finish(to.path, to.has_query, to.query);
  const std::size_t slash = from.path.rfind('/');
  const std::string folder(slash == std::string_view::npos ? "/" : from.path.substr(0, slash + 1));
  return finish(folder + std::string(to.path), to.has_query, to.query);
}

}  // namespace imgring::url
