// Read-only view of the table of URL options: help, explain, documentation. Immutable, any thread.
#pragma once

#include <span>
#include <string_view>

namespace imgring::url {

struct UrlOption {
  std::string_view name;
  std::string_view aliases{};    // "w,wd"
  std::string_view arguments{};  // as people write them: "type:x:y"
  std::string_view default_text{};
  std::string_view help{};
  int arguments_max = 1;  // 0: any number
  bool security = false;  // needs IMGPROXY_ALLOW_SECURITY_OPTIONS
  bool paid = false;      // of imgproxy's paid edition
  bool built = true;      // false: 404, the detail names the option
  // Left out, it would show what should not be seen, or check nothing: never ignored.
  bool never_ignored = false;
  bool whole_request = false;  // not of one pipeline: wherever it stands, the last one counts
};
std::span<const UrlOption> url_options() noexcept;
// By name or alias.
const UrlOption* find_url_option(std::string_view name) noexcept;

}  // namespace imgring::url
