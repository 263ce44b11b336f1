// Options and presets as they are written, before anybody asks what they mean.
// Plain functions and values, any thread.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/base/error.h"

namespace imgring::url {

using Parts = std::vector<std::string_view>;

// Options that one URL brings with all its presets, nested ones included: some microseconds each.
inline constexpr int kAppliedMax = 10'000;

// One option of a URL or preset; the texts belong to those.
struct Written {
  std::string_view name;
  Parts arguments;
};
struct Preset {
  std::string text;  // owns what the options point into
  std::vector<Written> options;
};
using Presets = std::map<std::string, std::unique_ptr<Preset>, std::less<>>;

// The part of a URL, or of a preset, behind which the next pipeline begins.
inline constexpr std::string_view kNextPipeline = "-";
bool begins_pipeline(const Written& written) noexcept;

// Options at the left of `parts`; `used` tells how many parts they took.
std::vector<Written> read_options(const Parts& parts, std::string_view separator,
                                  std::size_t& used);
// Before anything is cut into pieces. What a plain source URL holds is no argument.
Result<void> check_parts(std::string_view path, std::string_view separator);
// Of "name=options" texts.
Presets read_presets(const std::vector<std::string>& texts, std::string_view separator,
                     std::vector<std::string>& problems);
// What writes URLs of the paid edition leaves trailing places empty.
std::size_t size_without_empty_end(const Parts& arguments) noexcept;

}  // namespace imgring::url
