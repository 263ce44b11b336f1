// Looking things up in the option table. Immutable, any thread.
#include "imgring/config/option.h"

#include <array>
#include <cstddef>

#include "imgring/base/text.h"
#include "table.h"

namespace imgring::config {
namespace {

// In the order of OptionType.
constexpr auto kTypeNames =
    std::to_array<std::string_view>({"string",
                                     "boolean",
                                     "integer",
                                     "integer, seconds",
                                     "integer, milliseconds",
                                     "number",
                                     "number, megapixels",
                                     "comma-separated list",
                                     "list of name=value divided by ;",
                                     "comma-separated list of hexadecimal strings",
                                     "hexadecimal string",
                                     "Base64 string",
                                     "comma-separated list of image formats",
                                     "comma-separated list of format=quality",
                                     "comma-separated list of URL patterns",
                                     "list of pattern=replacement divided by ;",
                                     "one of a list",
                                     "date and time of RFC 3339",
                                     "path of a file",
                                     "path of a file of lines",
                                     "path of a directory",
                                     "URL",
                                     "list of Name=Value headers"});
static_assert(kTypeNames.size() == static_cast<std::size_t>(OptionType::kHeaders) + 1);

}  // namespace

std::span<const OptionSection> option_sections() noexcept {
  static const std::array sections = {
      OptionSection{"Server", server_options()},
      OptionSection{"Security, sources and URLs", source_options()},
      OptionSection{"Storages", storage_options()},
      OptionSection{"Image processing", processing_options()},
      OptionSection{"Monitoring and logs", monitoring_options()},
      OptionSection{"imgproxy's paid edition", paid_options()},
      OptionSection{"Older names", older_options()},
  };
  return sections;
}

const Option* find_option(std::string_view name) noexcept {
  for (const OptionSection& section : option_sections()) {
    for (const Option& option : section.options) {
      if (option.name == name) return &option;
    }
  }
  return nullptr;
}

std::string_view nearest_option(std::string_view name) {
  std::string_view nearest;
  std::size_t best = SIZE_MAX;
  for (const OptionSection& section : option_sections()) {
    for (const Option& option : section.options) {
      if (option.status == OptionStatus::kRemoved) continue;
      const std::size_t distance = edit_distance(name, option.name);
      if (distance >= best) continue;
      best = distance;
      nearest = option.name;
    }
  }
  return nearest;
}

std::string_view type_name(OptionType type) noexcept {
  return kTypeNames[static_cast<std::size_t>(type)];
}

std::string valid_text(const Option& option) {
  if (!option.keys.empty()) return replace_all(option.keys, ",", ", ");
  const bool open_end = option.max == INT64_MAX || option.max == kInt32Max;
  if (option.min <= -kInt32Max && open_end) return {};
  if (open_end) return "at least " + std::to_string(option.min);
  return std::to_string(option.min) + ".." + std::to_string(option.max);
}

}  // namespace imgring::config
