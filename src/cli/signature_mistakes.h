// What was done wrong when a URL was signed: the usual mistakes are made on purpose, one and then
// two at a time, until one gives the signature at hand. Plain functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "imgring/config/config.h"

namespace imgring::cli {

struct GivenUrl {
  std::string_view signature;  // as it stands in the URL
  std::string_view path;       // what the server takes as signed, with its slash in front
  std::string_view query;      // behind the first `?` of the URL, without it
  std::string_view prefix;     // IMGPROXY_PATH_PREFIX
  std::string_view origin;     // "https://host", where the URL has one
};
// One line that says what fits, and what to change; empty: nothing does.
std::string signature_mistake(const GivenUrl& url, const config::UrlConfig& config);

}  // namespace imgring::cli
