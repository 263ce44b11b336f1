// Set-Cookie in, Cookie out (RFC 6265, as far as one exchange needs it).
#include "exchange_cookies.h"

#include <algorithm>

#include "imgring/base/text.h"
#include "imgring/http/server.h"
#include "imgring/net/address.h"

namespace imgring::source {

namespace {

std::string_view path_of(std::string_view target) noexcept {
  return target.substr(0, target.find('?'));
}

// RFC 6265 5.1.4: up to the last slash, without it.
std::string default_path(std::string_view target) {
  const std::string_view path = path_of(target);
  const std::size_t slash = path.rfind('/');
  if (slash == 0 || slash == std::string_view::npos) return "/";
  return std::string(path.substr(0, slash));
}

bool path_within(std::string_view path, std::string_view cookie_path) noexcept {
  if (!path.starts_with(cookie_path)) return false;
  if (path.size() == cookie_path.size() || cookie_path.ends_with('/')) return true;
  return path[cookie_path.size()] == '/';
}

bool domain_covers(std::string_view domain, std::string_view host) noexcept {
  if (host == domain) return true;
  return host.size() > domain.size() && host.ends_with(domain) &&
         host[host.size() - domain.size() - 1] == '.';
}

struct Pair {
  std::string_view name, value;
};
Pair split_pair(std::string_view text) noexcept {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return {trim(text), {}};
  return {trim(text.substr(0, equals)), trim(text.substr(equals + 1))};
}

// What the attributes say of the time: Max-Age counts more than Expires (RFC 6265 5.3).
struct Lifetime {
  std::optional<std::int64_t> max_age_s, expires_unix_s;
  void read(std::string_view attribute, std::string_view value) {
    if (equal_ignore_case(attribute, "Max-Age")) max_age_s = parse_int(value);
    if (equal_ignore_case(attribute, "Expires")) expires_unix_s = http::parse_http_date(value);
  }
  bool over(std::int64_t now_unix_s) const {
    if (max_age_s) return *max_age_s <= 0;
    return expires_unix_s && *expires_unix_s <= now_unix_s;
  }
};

}  // namespace

void ExchangeCookies::forget(const Cookie& cookie) {
  std::erase_if(cookies_, [&cookie](const Cookie& old) {
    return old.name == cookie.name && old.domain == cookie.domain && old.path == cookie.path;
  });
}

void ExchangeCookies::store(const url::HttpUrl& url, const http::Headers& answer,
                            std::int64_t now_unix_s) {
  for (const auto& [key, text] : answer.fields()) {
    if (!equal_ignore_case(key, "Set-Cookie") || text.size() > kExchangeCookieBytesMax) continue;
    const std::vector<std::string_view> parts = split(text, ";");
    const Pair pair = split_pair(parts.front());
    if (pair.name.empty() || parts.front().find('=') == std::string_view::npos) continue;
    Cookie cookie;
    cookie.name = pair.name;
    cookie.value = pair.value;
    cookie.domain = url.host;
    cookie.path = default_path(url.target);
    bool kept = http::safe_value(cookie.name) && http::safe_value(cookie.value);
    Lifetime lifetime;
    for (std::size_t i = 1; i < parts.size(); ++i) {
      const auto [name, value] = split_pair(parts[i]);
      lifetime.read(name, value);
      if (equal_ignore_case(name, "Secure")) cookie.secure = true;
      if (equal_ignore_case(name, "Path") && value.starts_with('/')) cookie.path = value;
      if (!equal_ignore_case(name, "Domain") || value.empty()) continue;
      std::string domain = to_lower(value);
      if (domain.starts_with('.')) domain.erase(0, 1);
      if (domain == url.host) continue;  // still this host only
      // Whole top levels and addresses take no domain cookies.
      const bool name_like =
          domain.find('.') != std::string::npos && !net::parse_address(url.host, 0).has_value();
      kept = kept && name_like && domain_covers(domain, url.host);
      cookie.domain = domain;
      cookie.host_only = false;
    }
    if (!kept) continue;
    // One whose time is over takes the old one along, and is not kept itself.
    forget(cookie);
    const bool room = cookies_.size() < kExchangeCookiesMax;
    if (room && !lifetime.over(now_unix_s)) cookies_.push_back(std::move(cookie));
  }
}

bool ExchangeCookies::matches(const Cookie& cookie, const url::HttpUrl& url) const noexcept {
  if (cookie.secure && !url.https) return false;
  if (cookie.host_only ? url.host != cookie.domain : !domain_covers(cookie.domain, url.host)) {
    return false;
  }
  return path_within(path_of(url.target), cookie.path);
}

std::string ExchangeCookies::value_for(const url::HttpUrl& url, std::string_view given) const {
  std::vector<std::string> parts;
  std::vector<const Cookie*> ours;
  for (const Cookie& cookie : cookies_) {
    if (matches(cookie, url)) ours.push_back(&cookie);
  }
  // The longer path first, else in the order they came (RFC 6265 5.4).
  std::stable_sort(ours.begin(), ours.end(), [](const Cookie* a, const Cookie* b) {
    return a->path.size() > b->path.size();
  });
  for (std::string_view part : split(given, ";")) {
    part = trim(part);
    if (part.empty()) continue;
    const std::string_view name = split_pair(part).name;
    const bool replaced = std::any_of(ours.begin(), ours.end(),
                                      [name](const Cookie* one) { return one->name == name; });
    if (!replaced) parts.emplace_back(part);
  }
  for (const Cookie* cookie : ours) parts.push_back(cookie->name + "=" + cookie->value);
  return join(parts, "; ");
}

}  // namespace imgring::source
