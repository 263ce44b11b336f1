// Which client cookies go to a source: all of them, or those of the base URL's host.
#include "imgring/service/cookies.h"

#include <algorithm>

#include "imgring/url/source_url.h"

namespace imgring::service {

namespace {

bool fit_value(std::string_view value) noexcept {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    value = value.substr(1, value.size() - 2);
  }
  return std::all_of(value.begin(), value.end(), [](char c) {
    return c >= 0x20 && c < 0x7f && c != '"' && c != ';' && c != '\\';
  });
}

// The well-formed cookies of a Cookie header, in order and as imgproxy writes them: a name alone
// has an empty value, a value with a space or comma is put in quotes.
std::string fit_cookies(std::string_view header) {
  std::vector<std::string> kept;
  for (std::string_view part : split(header, ";")) {
    part = trim(part);
    const std::size_t equals = part.find('=');
    const std::string_view name = trim(part.substr(0, equals));
    const std::size_t odd = name.find_first_not_of(http::kTokenChars);
    if (name.empty() || odd != std::string_view::npos) continue;
    std::string value;
    if (equals != std::string_view::npos) value = trim(part.substr(equals + 1));
    if (!fit_value(value)) continue;
    const bool bare = value.find_first_of(" ,") != std::string::npos && !value.starts_with('"');
    kept.push_back(std::string(name) + "=" + (bare ? "\"" + value + "\"" : value));
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

std::string_view path_of(std::string_view url) noexcept {
  const std::size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url = url.substr(scheme + 3);
  url = url.substr(0, url.find_first_of("?#"));
  const std::size_t slash = url.find('/');
  return slash == std::string_view::npos ? "/" : url.substr(slash);
}

bool on_the_web(std::string_view scheme) noexcept { return scheme == "http" || scheme == "https"; }

// The cookies of a base URL are for its folder and below (RFC 6265 5.1.4).
bool below_folder_of(std::string_view base_url, std::string_view source_url) noexcept {
  const std::string_view base = path_of(base_url), path = path_of(source_url);
  const std::size_t slash = base.rfind('/');
  if (slash == 0) return true;
  return path.starts_with(base.substr(0, slash)) && (path.size() == slash || path[slash] == '/');
}

// Whether the client's cookies belong to the source's host: they are the base URL's, or of the host
// that the client asked for.
bool belong_to(std::string_view source_url, const http::Headers& client,
               const std::string& base_url) {
  if (!base_url.empty()) {
    return on_the_web(url::scheme_of(base_url)) && host_of(base_url) == host_of(source_url) &&
           below_folder_of(base_url, source_url);
  }
  const std::string_view scheme = client.get("x-forwarded-proto");
  if (!scheme.empty() && !on_the_web(scheme)) return false;
  std::string owner = host_of(client.get("x-forwarded-host"));
  if (owner.empty()) owner = host_of(client.get("host"));
  return !owner.empty() && owner == host_of(source_url);
}

}  // namespace

std::string cookies_for(std::string_view source_url, const http::Headers& client,
                        const config::SourceConfig& config) {
  if (!config.cookie_passthrough) return {};
  if (!on_the_web(url::scheme_of(source_url))) return {};
  const bool ours =
      config.cookie_passthrough_all || belong_to(source_url, client, config.cookie_base_url);
  if (!ours) return {};
  return fit_cookies(client.get("cookie"));
}

}  // namespace imgring::service
