// Tests of src/server/routes.cc: the routing table of server.md section 1, with prefixes.
#include "../../../src/server/routes.h"

#include <gtest/gtest.h>

namespace imgring::server {
namespace {

struct Case {
  std::string_view prefix, method, target;
  Route route;
};

http::Method method_of(std::string_view name) {
  if (name == "GET") return http::Method::kGet;
  if (name == "HEAD") return http::Method::kHead;
  if (name == "OPTIONS") return http::Method::kOptions;
  return http::Method::kOther;
}

void check(const Case& c, const config::ServerConfig& base) {
  SCOPED_TRACE(std::string(c.prefix) + " " + std::string(c.method) + " " + std::string(c.target));
  config::ServerConfig config = base;
  config.path_prefix = c.prefix;
  http::Request request;
  request.method_name = c.method;
  request.method = method_of(c.method);
  request.target = c.target;
  EXPECT_EQ(route_of(request, config), c.route);
}

TEST(Routes, WithoutAPrefix) {
  const Case cases[] = {
      {"", "GET", "/", Route::kLanding},
      {"", "GET", "/?a=b", Route::kLanding},
      {"", "GET", "/health", Route::kHealth},
      {"", "GET", "/health?x", Route::kHealth},
      {"", "GET", "/he%61lth", Route::kHealth},
      {"", "GET", "/health/", Route::kImage},
      {"", "GET", "//health", Route::kImage},
      {"", "GET", "/Health", Route::kImage},
      {"", "GET", "/ready", Route::kReady},
      {"", "GET", "/favicon.ico", Route::kSilent404},
      {"", "GET", "/.well-known/x/y", Route::kSilent404},
      {"", "GET", "/.well-known", Route::kImage},
      {"", "GET", "/info/x", Route::kImage},
      {"", "GET", "/sig/w:1/plain/x", Route::kImage},
      {"", "GET", "//sig/w:1/plain/x", Route::kImage},
      {"", "GET", "/a%zz", Route::kImage},  // refused by the connection before
      {"", "GET", "*", Route::kNotFound},
      {"", "HEAD", "/", Route::kPreflight},
      {"", "HEAD", "/health", Route::kPreflight},
      {"", "OPTIONS", "/anything/at/all", Route::kPreflight},
      {"", "OPTIONS", "*", Route::kPreflight},
      {"", "POST", "/", Route::kNotFound},
      {"", "DELETE", "/health", Route::kNotFound},
      {"", "get", "/health", Route::kNotFound},
  };
  for (const Case& c : cases) check(c, {});
}

TEST(Routes, BelowAPrefix) {
  const Case cases[] = {
      {"/pre/fix", "GET", "/pre/fix", Route::kLanding},
      {"/pre/fix", "GET", "/pre/fix/", Route::kLanding},
      {"/pre/fix", "GET", "/pre/fix/health", Route::kHealth},
      {"/pre/fix", "GET", "/pre/fix/ready", Route::kReady},
      {"/pre/fix", "GET", "/pre/fix/favicon.ico", Route::kSilent404},
      {"/pre/fix", "GET", "/pre/fix/unsafe/x", Route::kImage},
      {"/pre/fix", "GET", "/pre%2ffix/unsafe/x", Route::kImage},
      {"/pre/fix", "GET", "/pre/fixunsafe/x", Route::kNotFound},
      {"/pre/fix", "GET", "/unsafe/x", Route::kNotFound},
      {"/pre/fix", "GET", "/health", Route::kNotFound},
      {"/pre/fix", "GET", "/", Route::kNotFound},
      {"/pre/fix", "HEAD", "/pre/fix/x", Route::kPreflight},
      {"/pre/fix", "HEAD", "/other", Route::kNotFound},
      {"/pre/fix", "OPTIONS", "/pre/fix/x", Route::kPreflight},
      {"/pre/fix", "PUT", "/pre/fix/x", Route::kNotFound},
  };
  for (const Case& c : cases) check(c, {});
}

TEST(Routes, ExtraHealthPath) {
  config::ServerConfig config;
  config.health_check_path = "/alive";
  check({"", "GET", "/alive", Route::kHealth}, config);
  check({"", "GET", "/health", Route::kHealth}, config);
  check({"/p", "GET", "/p/alive", Route::kHealth}, config);
  check({"/p", "GET", "/alive", Route::kNotFound}, config);
}

}  // namespace
}  // namespace imgring::server
