// The grammar of options and presets (urls.md sections 3 and 5).
#include "written.h"

#include <utility>

#include "imgring/base/text.h"

namespace imgring::url {
namespace {

// Options and pieces of the source of one URL, and as many arguments: people's have a dozen, and a
// Base64 text of 16 kB cut into sixteens has these.
constexpr std::size_t kPartsMax = 1000;

std::size_t count_of(std::string_view text, std::string_view what) noexcept {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos && !what.empty();
       at = text.find(what, at + what.size())) {
    ++count;
  }
  return count;
}

}  // namespace

bool begins_pipeline(const Written& written) noexcept {
  return written.name == kNextPipeline && written.arguments.empty();
}

std::vector<Written> read_options(const Parts& parts, std::string_view separator,
                                  std::size_t& used) {
  std::vector<Written> options;
  for (used = 0; used < parts.size(); ++used) {
    if (parts[used] == kNextPipeline) {
      options.push_back({parts[used], {}});
      continue;
    }
    Parts pieces = split(parts[used], separator);
    if (pieces.size() < 2) break;
    Written written;
    written.name = pieces[0];
    written.arguments.assign(pieces.begin() + 1, pieces.end());
    options.push_back(std::move(written));
  }
  return options;
}

Result<void> check_parts(std::string_view path, std::string_view separator) {
  const std::size_t parts = count_of(path, "/") + 1;
  const std::size_t arguments = count_of(path.substr(0, path.find("/plain/")), separator);
  if (parts <= kPartsMax && arguments <= kPartsMax) return {};
  return fail(ErrorCode::kInvalidUrl, "the path has " + std::to_string(parts) + " parts and " +
                                          std::to_string(arguments) + " arguments, at most " +
                                          std::to_string(kPartsMax) + " of each are read");
}

Presets read_presets(const std::vector<std::string>& texts, std::string_view separator,
                     std::vector<std::string>& problems) {
  Presets presets;
  for (const std::string& text : texts) {
    const Parts sides = split(text, "=");
    const std::string_view name = trim(sides[0]);
    const std::string_view value = sides.size() == 2 ? trim(sides[1]) : std::string_view();
    if (name.empty() || value.empty()) {
      problems.push_back("invalid preset string: " + text);
      continue;
    }
    auto preset = std::make_unique<Preset>();
    preset->text = value;
    const Parts parts = split(preset->text, "/");
    std::size_t used = 0;
    preset->options = read_options(parts, separator, used);
    if (used != parts.size()) {
      problems.push_back("invalid preset value: " + text);
      continue;
    }
    presets[std::string(name)] = std::move(preset);
  }
  return presets;
}

std::size_t size_without_empty_end(const Parts& arguments) noexcept {
  std::size_t size = arguments.size();
  while (size > 0 && arguments[size - 1].empty()) --size;
  return size;
}

}  // namespace imgring::url
