// How rows of the option table are written. One file per section; `sections` lists them in order.
// Immutable, any thread. Moving a feature from "not built yet" to "works" is one word of its row.
#pragma once

#include <span>

#include "imgring/config/option.h"
#include "values.h"

namespace imgring::config {

std::span<const Option> server_options() noexcept;
std::span<const Option> source_options() noexcept;
std::span<const Option> storage_options() noexcept;
std::span<const Option> processing_options() noexcept;
std::span<const Option> monitoring_options() noexcept;
std::span<const Option> paid_options() noexcept;
std::span<const Option> older_options() noexcept;

// Valid numbers. Seconds and counts end at 2^31-1: they are added up in 64 bits later.
struct Range {
  std::int64_t min, max;
};
inline constexpr std::int64_t kInt32Max = 2147483647;
constexpr Range between(std::int64_t min, std::int64_t max) noexcept { return {min, max}; }
constexpr Range at_least(std::int64_t min) noexcept { return {min, kInt32Max}; }
inline constexpr Range kAnySize{INT64_MIN, INT64_MAX};

constexpr Option row(std::string_view name, OptionType type, std::string_view default_text,
                     OptionReader read, std::string_view help) noexcept {
  Option option;
  option.name = name;
  option.type = type;
  option.default_text = default_text;
  option.read = read;
  option.help = help;
  return option;
}
constexpr Option row(std::string_view name, OptionType type, std::string_view default_text,
                     Range range, OptionReader read, std::string_view help) noexcept {
  Option option = row(name, type, default_text, read, help);
  option.min = range.min;
  option.max = range.max;
  return option;
}
constexpr Option choice(std::string_view name, std::string_view default_text, std::string_view keys,
                        OptionReader read, std::string_view help) noexcept {
  Option option = row(name, OptionType::kEnum, default_text, read, help);
  option.keys = keys;
  return option;
}
constexpr Option secret(Option option) noexcept {
  option.secret = true;
  return option;
}
constexpr Option reloaded(Option option) noexcept {
  option.reloaded = true;
  return option;
}
constexpr Option not_built(Option option) noexcept {
  option.status = OptionStatus::kNotBuilt;
  return option;
}
constexpr Option needed(Option option) noexcept {
  option.status = OptionStatus::kNeeded;
  return option;
}
constexpr Option external(Option option) noexcept {
  option.status = OptionStatus::kExternal;
  return option;
}
constexpr Option standard(Option option) noexcept {
  option.status = OptionStatus::kStandard;
  return option;
}
constexpr Option ignored(std::string_view name, std::string_view help) noexcept {
  Option option = row(name, OptionType::kString, "", nullptr, help);
  option.status = OptionStatus::kIgnored;
  return option;
}
constexpr Option paid(std::string_view name, std::string_view default_text,
                      std::string_view help) noexcept {
  Option option = row(name, OptionType::kString, default_text, nullptr, help);
  option.status = OptionStatus::kPro;
  return option;
}
constexpr Option older(std::string_view name, std::string_view replaced_by) noexcept {
  Option option = row(name, OptionType::kString, "", nullptr, "Older name.");
  option.status = OptionStatus::kDeprecated;
  option.replaced_by = replaced_by;
  return option;
}
constexpr Option removed(std::string_view name, std::string_view help) noexcept {
  Option option = row(name, OptionType::kString, "", nullptr, help);
  option.status = OptionStatus::kRemoved;
  return option;
}

}  // namespace imgring::config
