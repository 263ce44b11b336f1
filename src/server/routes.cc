// Routing on the percent-decoded path; exact routes before prefix ones.
#include "routes.h"

#include "imgring/base/text.h"

namespace imgring::server {

namespace {

// The prefix is used as it is: "/pics/" makes "/pics//health" (urls.md section 1).
std::string joined(std::string_view prefix, std::string_view path) {
  return std::string(prefix).append(path);
}

}  // namespace

Route route_of(const http::Request& request, const config::ServerConfig& config) {
  const std::string_view raw = std::string_view(request.target).substr(0, request.target.find('?'));
  const std::string path = percent_decode(raw).value_or(std::string(raw));
  const std::string& prefix = config.path_prefix;
  const std::string root = joined(prefix, "/");
  const bool below = path.starts_with(root);
  if (request.method == http::Method::kHead || request.method == http::Method::kOptions) {
    // "*" asks about the server as a whole (RFC 9110 9.3.7).
    if (request.method == http::Method::kOptions && path == "*") return Route::kPreflight;
    return below ? Route::kPreflight : Route::kNotFound;
  }
  if (request.method != http::Method::kGet) return Route::kNotFound;
  if (path == root || (!prefix.empty() && path == prefix)) return Route::kLanding;
  if (path == joined(prefix, "/health")) return Route::kHealth;
  const std::string& extra = config.health_check_path;
  if (!extra.empty() && path == joined(prefix, extra)) return Route::kHealth;
  if (path == joined(prefix, "/ready")) return Route::kReady;
  if (path == joined(prefix, "/favicon.ico")) return Route::kSilent404;
  if (path.starts_with(joined(prefix, "/.well-known/"))) return Route::kSilent404;
  return below ? Route::kImage : Route::kNotFound;
}

}  // namespace imgring::server
