// Commands, their flags, and what each is given. Main thread.
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace imgring::cli {

struct Flag {
  std::string_view name;   // without its dashes
  std::string_view value;  // what stands behind it, as "FILE"; empty: nothing does
  std::string_view help;
};

struct CommandContext {
  char** environment = nullptr;
  std::vector<std::string> arguments;
  std::map<std::string, std::string, std::less<>> flags;  // those that were given
  bool has(std::string_view flag) const { return flags.contains(flag); }
};

// The one table that parsing, help, manual page and completion come from.
struct Command {
  std::string_view name;
  std::string_view arguments;  // as usage shows them: "URL", "[TOPIC]"
  std::size_t arguments_min, arguments_max;
  std::string_view help;
  std::span<const Flag> flags;
  int (*run)(const CommandContext&);
};
std::span<const Command> commands() noexcept;
const Command* find_command(std::string_view name) noexcept;

// Words behind the command's name; the error says which is wrong, and what may have been meant.
std::expected<CommandContext, std::string> parse_words(const Command& command,
                                                       std::span<char* const> words);
// --env-file and --user: the environment and the user of whatever comes behind. The error says why
// not.
std::expected<void, std::string> take_on(CommandContext& context);
// The nearest of `words`, where it is near enough to be meant: ", did you mean X?"; else empty.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> words);

std::string usage_text();
std::string command_text(const Command& command);

int show_help(const CommandContext& context);
int show_completion(const CommandContext& context);
int check_config(const CommandContext& context);
int print_configuration(const CommandContext& context);
int examine(const CommandContext& context);
int ask_health(const CommandContext& context);
int sign_path(const CommandContext& context);
int verify_url(const CommandContext& context);
int explain_url(const CommandContext& context);

}  // namespace imgring::cli
