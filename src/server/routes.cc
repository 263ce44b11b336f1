// Routing on the percent-decoded path; exact routes before prefix ones.
#include "routes.h"

#include "imgring/base/text.h"

namespace imgring::server {

namespace {

// The prefix is used as it is: "/pics/" makes "/pics//health" (urls.md section 1).
bool begins(std::string_view path, std::string_view prefix, std::string_view rest) noexcept {
  return path.starts_with(prefix) && path.substr(prefix.size()).starts_with(rest);
}
bool is(std::string_view path, std::string_view prefix, std::string_view rest) noexcept {
  return path.size() == prefix.size() + rest.size() && begins(path, prefix, rest);
}

}  // namespace

Route route_of(const http::Request& request, const config::ServerConfig& config) {
  const std::string_view raw = std::string_view(request.target).substr(0, request.target.find('?'));
  std::string decoded;
  std::string_view path = raw;
  if (raw.find('%') != std::string_view::npos) {
    decoded = percent_decode(raw).value_or(std::string(raw));
    path = decoded;
  }
  const std::string& prefix = config.path_prefix;
  const bool below = begins(path, prefix, "/");
  if (request.method == http::Method::kHead || request.method == http::Method::kOptions) {
    // "*" asks about the server as a whole (RFC 9110 9.3.7).
    if (request.method == http::Method::kOptions && path == "*") return Route::kPreflight;
    return below ? Route::kPreflight : Route::kNotFound;
  }
  if (request.method != http::Method::kGet) return Route::kNotFound;
  if (is(path, prefix, "/") || (!prefix.empty() && path == prefix)) return Route::kLanding;
  if (is(path, prefix, "/health")) return Route::kHealth;
  const std::string& extra = config.health_check_path;
  if (!extra.empty() && is(path, prefix, extra)) return Route::kHealth;
  if (is(path, prefix, "/ready")) return Route::kReady;
  if (is(path, prefix, "/favicon.ico")) return Route::kSilent404;
  if (begins(path, prefix, "/.well-known/")) return Route::kSilent404;
  return below ? Route::kImage : Route::kNotFound;
}

}  // namespace imgring::server
