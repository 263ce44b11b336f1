// The table of configuration variables: parsing, --help, the man page, print-config and
// check-config all come from it (spec: configuration). Immutable, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace imgring::config {

struct Config;
struct Option;

enum class OptionType : std::uint8_t {
  kString,
  kBool,
  kInt,
  kSeconds,
  kMilliseconds,
  kFloat,
  kMegapixels,
  kList,
  kMap,
  kHexList,
  kHex,
  kBase64,
  kFormats,
  kFormatQuality,
  kPatterns,
  kReplacements,
  kEnum,
  kDatetime,
  kFile,
  kFileList,
  kDirectory,
  kUrl,
  kHeaders
};
// What setting a variable does in this build.
enum class OptionStatus : std::uint8_t {
  kWorks,
  kNotBuilt,    // imgproxy has it, this build does not yet: a warning when set
  kNeeded,      // the same, but keys or limits may come by it: the start is refused when set
  kPro,         // of imgproxy's paid edition, not built yet: a warning when set, never a failure
  kDeprecated,  // older name of `replaced_by`: used with a warning when that is unset
  kRemoved,     // had a meaning once: a warning when set
  kIgnored,     // known, and rightly without effect here: a note when set
  kStandard,    // of a service that is not built yet, read by other programs too: a note when set
  kExternal,    // read by other programs or libraries, or by imgring under its standard name
};
// Why a value is refused; nullopt: it was stored.
using Refusal = std::optional<std::string>;
using OptionReader = Refusal (*)(std::string_view text, const Option& option, Config& config);

struct Option {
  std::string_view name;
  OptionType type = OptionType::kString;
  std::string_view default_text{};                // goes through the same reader as a value does
  std::int64_t min = INT64_MIN, max = INT64_MAX;  // of integers, after the multiplication
  std::string_view keys{};                        // "a,b,c" of an enumeration, in enumerator order
  OptionReader read = nullptr;                    // null: checked by type only
  std::string_view help{};
  OptionStatus status = OptionStatus::kWorks;
  bool secret = false;
  std::string_view replaced_by{};
  bool reloaded = false;  // SIGHUP brings its new value into force; others need a restart
};

struct OptionSection {
  std::string_view title;
  std::span<const Option> options;
};
std::span<const OptionSection> option_sections() noexcept;
const Option* find_option(std::string_view name) noexcept;
// The known name most like `name`, for "did you mean".
std::string_view nearest_option(std::string_view name);
// "integer", "boolean", "list of strings": the FORMAT of messages.
std::string_view type_name(OptionType type) noexcept;
// "1..100", "at least 0", "tcp, tcp4, tcp6"; empty when every value of the type is fine.
std::string valid_text(const Option& option);

}  // namespace imgring::config
