// Which client cookies go to a source: all of them, or those of the base URL's host.
#include <algorithm>

#include "imgring/server/answers.h"

namespace imgring::server {

namespace {

bool fit_value(std::string_view value) noexcept {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    value = value.substr(1, value.size() - 2);
  }
  return std::all_of(value.begin(), value.end(), [](char c) {
    return c >= 0x20 && c < 0x7f && c != '"' && c != ';' && c != '\\';
  });
}

// The well-formed cookies of a Cookie header, in order.
std::string fit_cookies(std::string_view header) {
  std::vector<std::string> kept;
  for (std::string_view part : split(header, ";")) {
    part = trim(part);
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = trim(part.substr(0, equals));
    const std::size_t odd = name.find_first_not_of(http::kTokenChars);
    if (name.empty() || odd != std::string_view::npos) continue;
    const std::string_view value = trim(part.substr(equals + 1));
    if (fit_value(value)) kept.push_back(std::string(name) + "=" + std::string(value));
  }
  return join(kept, "; ");
}

// "http://user@host:port/path" to "host", lower case.
std::string host_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url = url.substr(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  const std::size_t user = url.rfind('@');
  if (user != std::string_view::npos) url = url.substr(user + 1);
  if (url.starts_with('[')) return to_lower(url.substr(0, url.find(']') + 1));
  return to_lower(url.substr(0, url.find(':')));
}

}  // namespace

std::string cookies_for(std::string_view source_url, const http::Headers& client,
                        const config::SourceConfig& config) {
  if (!config.cookie_passthrough) return {};
  const bool http = source_url.starts_with("http://") || source_url.starts_with("https://");
  if (!http) return {};
  if (!config.cookie_passthrough_all) {
    // The cookies belong to the base URL, or to the host the client asked for.
    std::string owner = config.cookie_base_url.empty() ? "" : host_of(config.cookie_base_url);
    if (owner.empty()) owner = host_of(client.get("x-forwarded-host"));
    if (owner.empty()) owner = host_of(client.get("host"));
    if (owner.empty() || owner != host_of(source_url)) return {};
  }
  return fit_cookies(client.get("cookie"));
}

}  // namespace imgring::server
