// Readers of single values: text in, member of Config out, or the reason of a refusal.
// Plain functions, any thread; parsing rules of configuration.md section 1.2.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "imgring/base/text.h"
#include "imgring/config/config.h"
#include "imgring/config/option.h"

namespace imgring::config {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

Refusal read_value(std::string_view text, const Option& option, bool& out);
Refusal read_value(std::string_view text, const Option& option, std::int64_t& out);
Refusal read_value(std::string_view text, const Option& option, int& out);
Refusal read_value(std::string_view text, const Option& option, double& out);
Refusal read_value(std::string_view text, const Option& option, std::string& out);
Refusal read_value(std::string_view text, const Option& option, std::vector<std::string>& out);
Refusal read_value(std::string_view text, const Option& option, std::optional<std::int64_t>& out);
Refusal read_value(std::string_view text, const Option& option, std::vector<SourcePattern>& out);
Refusal read_value(std::string_view text, const Option& option, std::vector<UrlReplacement>& out);
Refusal read_value(std::string_view text, const Option& option, std::vector<ImageType>& out);
Refusal read_value(std::string_view text, const Option& option, ImageTypeSet& out);
Refusal read_value(std::string_view text, const Option& option,
                   std::array<int, kImageTypeCount>& out);
// Position among option.keys, after lower-casing.
Refusal read_key(std::string_view text, const Option& option, std::size_t& out);

template <class E>
  requires std::is_enum_v<E>
Refusal read_value(std::string_view text, const Option& option, E& out) {
  std::size_t index = 0;
  if (Refusal refusal = read_key(text, option, index)) return refusal;
  out = static_cast<E>(index);
  return std::nullopt;
}

// The reader of a table row: `set<&Config::server, &ServerConfig::bind>`.
template <auto Group, auto Member>
Refusal set(std::string_view text, const Option& option, Config& config) {
  return read_value(text, option, (config.*Group).*Member);
}

// A number above 0, kept within what is useful.
template <auto Member>
Refusal read_above_zero(std::string_view text, const Option& option, Config& config) {
  constexpr double kLeast = 1e-6, kMost = 1e6;
  double value = 0;
  if (Refusal refusal = read_value(text, option, value)) return refusal;
  if (value <= 0) return "cannot be zero or negative";
  config.processing.*Member = std::clamp(value, kLeast, kMost);
  return std::nullopt;
}

// By the option's type alone, the value is dropped.
Refusal check_only(std::string_view text, const Option& option);
// Opacity of the watermark: above 0, at most 1.
Refusal read_opacity(std::string_view text, const Option& option, Config& config);
// Above 0, and what a JPEG's 16 bits hold at most.
Refusal read_dpi(std::string_view text, const Option& option, Config& config);
// 0, or so many MiB that the process at rest and a picture fit in.
Refusal read_memory_limit(std::string_view text, const Option& option, Config& config);
// 0, or 100 to 599.
Refusal read_fallback_code(std::string_view text, const Option& option, Config& config);
Refusal read_headers(std::string_view text, std::string_view separator, HeaderList& out);
Refusal read_hex_list(std::string_view text, std::vector<std::string>& out);
bool is_header_name(std::string_view name) noexcept;
// Whether Go's url.Parse takes it.
bool is_parsable_url(std::string_view text) noexcept;

}  // namespace imgring::config
