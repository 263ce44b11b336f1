// What the tests of the URL module share: a path parsed under a configuration.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/base/text.h"
#include "imgring/url/request.h"

namespace imgring::url {

inline constexpr std::int64_t kNow = 1'700'000'000;

inline std::shared_ptr<const UrlRules> rules_of(const config::Config& config) {
  auto rules = UrlRules::build(config, nullptr);
  EXPECT_TRUE(rules.has_value()) << rules.error().detail;
  return rules ? *rules : nullptr;
}
inline Result<ProcessingRequest> parse(std::string_view path, const config::Config& config = {},
                                       const ClientFeatures& features = {}) {
  return rules_of(config)->parse(path, features, kNow);
}
// Options before a plain source.
inline Result<ProcessingRequest> parse_options(std::string_view options,
                                               const config::Config& config = {}) {
  return parse(std::string(options) + "/plain/local:///a.png", config);
}
inline std::string described(std::string_view options, const config::Config& config = {}) {
  const auto request = parse_options(options, config);
  if (!request) return std::to_string(request.error().status()) + " " + request.error().detail;
  return describe(request->options);
}
inline std::string base64(std::string_view text) { return base64url_encode(as_bytes(text)); }

}  // namespace imgring::url
