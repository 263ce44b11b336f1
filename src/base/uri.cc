// What of a URL is a secret (see uri.h).
#include "imgring/base/uri.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "imgring/base/text.h"

namespace imgring {
namespace {

constexpr std::string_view kMask = "***";

// Parameters whose value opens what the URL names. In lower case.
constexpr std::string_view kSecretNames[] = {
    "x-amz-signature",
    "x-amz-credential",
    "x-amz-security-token",
    "x-goog-signature",
    "x-goog-credential",
    "awsaccesskeyid",
    "googleaccessid",
    "signature",
    "sig",
    "hmac",
    "token",
    "access_token",
    "auth_token",
    "id_token",
    "auth",
    "authorization",
    "api_key",
    "apikey",
    "api-key",
    "key",
    "secret",
    "client_secret",
    "password",
    "passwd",
    "pwd",
    "pass",
    "jwt",
    "refresh_token",
    "x-api-key",
    "credential",
    "hdnts",
    "hdnea",
};

// Size of the delimiter at a place, written as it is or escaped; 0: it is none of `set`.
std::size_t delimiter_at(std::string_view text, std::size_t at, std::string_view set) noexcept {
  if (at >= text.size()) return 0;
  if (set.find(text[at]) != std::string_view::npos) return 1;
  if (text[at] != '%' || at + 2 >= text.size()) return 0;
  constexpr std::string_view kHex = "0123456789abcdef0123456789ABCDEF";
  const std::size_t high = kHex.find(text[at + 1]), low = kHex.find(text[at + 2]);
  if (high == std::string_view::npos || low == std::string_view::npos) return 0;
  const char value = static_cast<char>(high % 16 * 16 + low % 16);
  return set.find(value) != std::string_view::npos ? 3 : 0;
}

// Where the next delimiter stands, from `at` on; the text's size when there is none.
std::size_t find_delimiter(std::string_view text, std::size_t at, std::string_view set) noexcept {
  while (at < text.size() && delimiter_at(text, at, set) == 0) ++at;
  return at;
}

bool ends_in_web_scheme(std::string_view text) noexcept {
  constexpr std::size_t kLongest = 5;
  const std::string_view end = text.substr(text.size() - std::min(text.size(), kLongest));
  return equal_ignore_case(end, "https") ||
         equal_ignore_case(end.substr(end.size() - std::min<std::size_t>(end.size(), 4)), "http");
}

// Behind "://", where an authority begins; 0: not here. One slash is enough behind http and https:
// proxies merge slashes, and we part them again.
std::size_t authority_at(std::string_view text, std::size_t at) noexcept {
  const std::size_t colon = delimiter_at(text, at, ":");
  if (colon == 0) return 0;
  const std::size_t first = delimiter_at(text, at + colon, "/\\");
  if (first == 0) return 0;
  const std::size_t second = delimiter_at(text, at + colon + first, "/\\");
  if (second == 0 && !ends_in_web_scheme(text.substr(0, at))) return 0;
  return at + colon + first + second;
}

// An authority: behind its last @ (or where it begins), and its end.
struct Authority {
  std::size_t host, end;
};
// An escaped slash ends it only where `escaped` says that the whole URL is escaped: else it may be
// of a password. What else is odd ends nothing: rather too much goes. Up to `clean` there is no @.
Authority read_authority(std::string_view text, std::size_t at, bool escaped, std::size_t clean) {
  constexpr std::string_view kEnds = "/?#";
  Authority out{at, std::max(at, clean)};
  while (out.end < text.size()) {
    const std::size_t stop = delimiter_at(text, out.end, kEnds);
    if (stop == 1 || (stop > 1 && escaped)) break;
    const std::size_t size = delimiter_at(text, out.end, "@");
    if (size > 0) out.host = out.end + size;
    out.end += std::max<std::size_t>(size, 1);
  }
  return out;
}

bool is_secret(std::string_view name) {
  const auto plain = percent_decode(name);
  const std::string lower = to_lower(plain ? std::string_view(*plain) : name);
  return std::find(std::begin(kSecretNames), std::end(kSecretNames), lower) !=
         std::end(kSecretNames);
}

}  // namespace

std::string display_text(std::string_view text) {
  constexpr std::size_t kNameBytesMax = 64;  // longer names are none of the list
  constexpr std::string_view kMarks = ":?&;#%";
  if (text.find_first_of("@=%") == std::string_view::npos) return std::string(text);
  std::string out;
  out.reserve(text.size());
  std::size_t clean = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t next = std::min(text.find_first_of(kMarks, at), text.size());
    out += text.substr(at, next - at);
    at = next;
    if (const std::size_t begin = authority_at(text, at); begin > 0) {
      const std::string_view mark = text.substr(at, begin - at);
      const bool escaped = mark.find('%') != std::string_view::npos;
      const Authority authority = read_authority(text, begin, escaped, clean);
      out += mark;
      at = authority.host;
      clean = authority.end;
      continue;
    }
    const std::size_t mark = delimiter_at(text, at, "?&;#");
    const std::size_t name = at + mark;
    const std::string_view near = text.substr(0, std::min(text.size(), name + kNameBytesMax));
    const std::size_t equals = mark == 0 ? 0 : find_delimiter(near, name, "=&?#/ \"<>");
    const std::size_t sign = mark == 0 ? 0 : delimiter_at(text, equals, "=");
    if (sign > 0 && is_secret(text.substr(name, equals - name))) {
      out.append(text.substr(at, equals + sign - at)).append(kMask);
      at = find_delimiter(text, equals + sign, "&#; \"<>");
    } else if (at < text.size()) {
      out += text[at++];
    }
  }
  return out;
}

std::string display_setting(std::string_view value) {
  const std::size_t at = value.rfind('@');
  if (at == std::string_view::npos) return display_text(value);
  const std::size_t mark = value.find("://");
  const std::string scheme(mark < at ? value.substr(0, mark + 3) : std::string_view());
  return display_text(scheme + std::string(value.substr(at + 1)));
}

}  // namespace imgring
