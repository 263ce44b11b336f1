// The words of a command line by the table, and what --env-file and --user make of this process.
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "commands.h"
#include "imgring/base/system_text.h"
#include "imgring/base/text.h"
#include "imgring/config/load.h"

namespace imgring::cli {

namespace {

const Flag* find_flag(const Command& command, std::string_view name) {
  const auto at = std::ranges::find(command.flags, name, &Flag::name);
  return at == command.flags.end() ? nullptr : &*at;
}

std::string unknown_flag(const Command& command, std::string_view word) {
  std::vector<std::string_view> names;
  for (const Flag& flag : command.flags) names.push_back(flag.name);
  const std::string_view bare = word.substr(std::min(word.find_first_not_of('-'), word.size()));
  return "unknown flag " + std::string(word) + " of imgring " + std::string(command.name) +
         did_you_mean(bare, names);
}

}  // namespace

std::string did_you_mean(std::string_view word, std::span<const std::string_view> words) {
  constexpr std::size_t kFar = 3;  // edits: beyond it nobody meant that word
  std::size_t best = std::min(kFar, word.size());
  std::string_view nearest;
  for (const std::string_view one : words) {
    const std::size_t distance = edit_distance(word, one);
    if (distance > best || (distance == best && !nearest.empty())) continue;
    best = distance;
    nearest = one;
  }
  return nearest.empty() ? std::string() : ", did you mean " + std::string(nearest) + "?";
}

std::expected<CommandContext, std::string> parse_words(const Command& command,
                                                       std::span<char* const> words) {
  CommandContext out;
  bool flags_over = false;  // behind "--" come arguments alone
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (flags_over || !word.starts_with('-') || word == "-") {
      out.arguments.emplace_back(word);
      continue;
    }
    flags_over = word == "--";
    if (flags_over) continue;
    const std::size_t equals = word.find('=');
    const bool long_one = word.starts_with("--");
    const std::string_view name = word.substr(2, std::min(equals, word.size()) - 2);
    const Flag* flag = long_one ? find_flag(command, name) : nullptr;
    if (flag == nullptr) return std::unexpected(unknown_flag(command, word.substr(0, equals)));
    std::string value;
    if (flag->value.empty() && equals != std::string_view::npos) {
      return std::unexpected("--" + std::string(name) + " takes no value");
    }
    if (!flag->value.empty()) {
      const bool next = equals == std::string_view::npos;
      if (next && i + 1 == words.size()) {
        return std::unexpected("--" + std::string(name) + " needs a " + std::string(flag->value));
      }
      value = next ? words[++i] : word.substr(equals + 1);
    }
    out.flags[std::string(name)] = value;
  }
  const std::size_t count = out.arguments.size();
  if (count >= command.arguments_min && count <= command.arguments_max) return out;
  return std::unexpected(count < command.arguments_min
                             ? std::string(command.arguments) + " is missing"
                             : "too many words: " + out.arguments[command.arguments_max]);
}

namespace {

// As a unit's process has it: the file alone, nothing of this shell but where programs are.
std::expected<void, std::string> read_env_file(const std::string& path) {
  auto variables = config::read_unit_environment(path);
  if (!variables) return std::unexpected("--env-file " + path + ": " + variables.error());
  const char* programs = std::getenv("PATH");
  const std::string kept = programs == nullptr ? std::string() : programs;
  clearenv();
  if (!kept.empty()) setenv("PATH", kept.c_str(), 1);
  for (const auto& [name, value] : *variables) setenv(name.c_str(), value.c_str(), 1);
  return {};
}

std::expected<void, std::string> become(const std::string& name) {
  const auto failed = [&name](const std::string& why) {
    return std::unexpected("--user " + name + ": " + why);
  };
  const passwd* user = getpwnam(name.c_str());
  if (user == nullptr) return failed("there is no such user");
  const uid_t id = user->pw_uid;
  if (id == geteuid()) return {};
  const bool done =
      initgroups(name.c_str(), user->pw_gid) == 0 && setgid(user->pw_gid) == 0 && setuid(id) == 0;
  if (done) return {};
  return failed(std::string(std::strerror(errno)) + " for " + own_user_text() +
                ": root alone can become somebody else");
}

}  // namespace

std::expected<void, std::string> take_on(CommandContext& context) {
  if (context.has("env-file")) {
    if (auto read = read_env_file(context.flags["env-file"]); !read) return read;
  }
  if (context.has("user")) {
    if (auto done = become(context.flags["user"]); !done) return done;
  }
  context.environment = environ;
  return {};
}

}  // namespace imgring::cli
