// The table of the info endpoint's options: names, what applies them, what shows them. Immutable,
// any thread.
#pragma once

#include <span>
#include <string_view>

#include "arguments.h"
#include "imgring/url/info_options.h"

namespace imgring::url {

struct InfoContext {
  InfoOptions& info;
  RequestOptions& request;  // what holds for pictures, too: limits, time
  std::int64_t now_unix_s;
};
using InfoApply = Result<void> (*)(const Call& call, InfoContext& context);
using InfoShow = void (*)(std::string_view name, const InfoOptions& options, LogGroup& fields);

// Null for options that are not built, and for `preset`, which the rules apply themselves.
struct InfoRow {
  UrlOption about;
  InfoApply apply = nullptr;
  InfoShow show = nullptr;
};
std::span<const InfoRow> info_rows() noexcept;
const InfoRow* find_info_row(std::string_view name) noexcept;
bool is_preset_option(const InfoRow& row) noexcept;

}  // namespace imgring::url
