// Source URLs for those who fetch them: where to connect, what to ask for.
// Plain functions, any thread, no I/O. Promises: what comes out goes into a request as it is: no
// space, control character or byte above 0x7F is left in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "imgring/base/error.h"
#include "imgring/base/uri.h"

namespace imgring::url {

// "https" of "HTTPS://...", empty when there is none.
std::string scheme_of(std::string_view url);

struct HttpUrl {
  bool https = false;
  std::string host;  // lower case; an IPv6 literal without brackets, with its zone
  bool host_is_ipv6 = false;
  std::uint16_t port = 0;
  std::string host_header;               // as in the URL, without a zone and an empty port
  std::string target;                    // path and query, encoded; at least "/"
  std::string authorization;             // "Basic ..." of the user information, else empty
  std::optional<std::string> user_info;  // as in the URL; a secret
};
// Errors: kSourceUnreachable.
Result<HttpUrl> parse_http_url(std::string_view url);
// What may stand in a request as it is stays; `%` is judged by its escape.
std::string encode_path(std::string_view path);
std::string encode_query(std::string_view query);

// For people (see base/uri.h).
using imgring::display_text;
std::string display_text(const HttpUrl& url);

// local://, s3://, gs://, abs://, swift://: `%`, `?` and `#` are ordinary characters, the query
// separator (blank: none) divides key and version.
struct StorageUrl {
  std::string scheme;
  std::string bucket;   // the host part; local:// ignores it
  std::string key;      // without leading slashes
  std::string version;  // after the separator
  bool has_version = false;
};
Result<StorageUrl> parse_storage_url(std::string_view url, std::string_view query_separator);

// "." or ".." as a segment in any spelling: backslashes for slashes, escapes of escapes, overlong
// UTF-8, parameters behind it ("..;a=b"), spaces and controls in it, which some servers drop.
bool has_dot_segment(std::string_view path) noexcept;

// RFC 3986, section 5.2: `location` as seen from `base`, without fragment.
// Errors: kSourceUnreachable.
Result<std::string> resolve_redirect(std::string_view base, std::string_view location);

}  // namespace imgring::url
