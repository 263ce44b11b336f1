// Cookies that a source sets during one exchange: kept for its redirects, forgotten afterwards
// (challenge redirects). A value; one exchange's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/http/headers.h"
#include "imgring/url/source_url.h"

namespace imgring::source {

inline constexpr std::size_t kExchangeCookiesMax = 50;        // more are dropped
inline constexpr std::size_t kExchangeCookieBytesMax = 4096;  // larger ones are dropped

class ExchangeCookies {
 public:
  // Takes the Set-Cookie fields of an answer from `url`.
  void store(const url::HttpUrl& url, const http::Headers& answer, std::int64_t now_unix_s);
  // The Cookie value for a request to `url`: `given` (the client's, may be empty) and ours, which
  // replace given ones of the same name. Empty: no header.
  std::string value_for(const url::HttpUrl& url, std::string_view given) const;

 private:
  struct Cookie {
    std::string name, value, domain, path;
    bool host_only = true, secure = false;
  };
  bool matches(const Cookie& cookie, const url::HttpUrl& url) const noexcept;
  void forget(const Cookie& cookie);  // the one of its name, domain and path
  std::vector<Cookie> cookies_;
};

}  // namespace imgring::source
