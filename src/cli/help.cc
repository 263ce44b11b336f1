// What the table of commands says: usage, topics, completion of three shells. Main thread.
#include <cstdio>

#include "commands.h"
#include "imgring/base/text.h"
#include "imgring/config/load.h"
#include "imgring/server/run.h"
#include "url_help.h"

namespace imgring::cli {

namespace {

constexpr std::size_t kWordColumns = 18;

std::string row_text(const std::string& words, std::string_view help) {
  const std::size_t gap = words.size() < kWordColumns ? kWordColumns - words.size() : 2;
  return "  " + words + std::string(gap, ' ') + std::string(help) + "\n";
}

std::string flag_words(const Flag& flag) {
  return "--" + std::string(flag.name) + (flag.value.empty() ? "" : " " + std::string(flag.value));
}

std::string command_words(const Command& command) {
  return std::string(command.name) +
         (command.arguments.empty() ? "" : " " + std::string(command.arguments));
}

int unknown_topic(std::string_view topic) {
  std::vector<std::string_view> names = {"variables", "url-options"};
  for (const Command& command : commands()) names.push_back(command.name);
  const bool variable = topic.find('_') != std::string_view::npos;
  const std::string meant =
      variable ? ", did you mean " + std::string(config::nearest_option(topic)) + "?"
               : did_you_mean(topic, names);
  std::fprintf(stderr, "imgring: nothing is known about %s%s\n", std::string(topic).c_str(),
               meant.c_str());
  return server::kExitFailed;
}

std::string all_names(std::string_view between) {
  std::string out;
  for (const Command& command : commands()) {
    out += (out.empty() ? "" : std::string(between)) + std::string(command.name);
  }
  return out;
}

// Flags of each command as `name) words;;`, for a case of the shells.
std::string flag_cases(std::string_view indent) {
  std::string out;
  for (const Command& command : commands()) {
    std::string words;
    for (const Flag& flag : command.flags) words += " --" + std::string(flag.name);
    if (command.name == "completion") words = " bash zsh fish";
    if (words.empty()) continue;
    out +=
        std::string(indent) + std::string(command.name) + ") words='" + words.substr(1) + "';;\n";
  }
  return out;
}

std::string bash_script() {
  return "# Words of imgring; made by: imgring completion bash\n"
         "_imgring() {\n"
         "  local words='' before=${COMP_WORDS[COMP_CWORD-1]}\n"
         "  if [ \"$COMP_CWORD\" = 1 ]; then\n"
         "    words='" +
         all_names(" ") +
         "'\n"
         "  elif [ \"$before\" = --env-file ]; then\n"
         "    mapfile -t COMPREPLY < <(compgen -f -- \"$2\"); return\n"
         "  elif [ \"$before\" = --user ]; then\n"
         "    mapfile -t COMPREPLY < <(compgen -u -- \"$2\"); return\n"
         "  elif [ \"$before\" = help ]; then\n"
         "    words='" +
         all_names(" ") +
         " variables url-options'\n"
         "  else\n"
         "    case ${COMP_WORDS[1]} in\n" +
         flag_cases("      ") +
         "    esac\n"
         "  fi\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$2\")\n"
         "}\n"
         "complete -F _imgring imgring\n";
}

// In single quotes of a shell.
std::string shell_quoted(std::string_view text) {
  return "'" + replace_all(text, "'", "'\\''") + "'";
}

std::string zsh_script() {
  std::string rows;
  for (const Command& command : commands()) {
    rows += "    " +
            shell_quoted(std::string(command.name) + ":" + replace_all(command.help, ":", "\\:")) +
            "\n";
  }
  return "#compdef imgring\n# Words of imgring; made by: imgring completion zsh\n"
         "_imgring() {\n"
         "  local line=(\"${words[@]}\") words=''\n"
         "  local -a rows\n"
         "  rows=(\n" +
         rows +
         "  )\n"
         "  if (( CURRENT == 2 )); then _describe command rows; return; fi\n"
         "  case ${line[CURRENT-1]} in\n"
         "    --env-file) _files; return;;\n"
         "    --user) _users; return;;\n"
         "    help) _describe command rows; return;;\n"
         "  esac\n"
         "  case ${line[2]} in\n" +
         flag_cases("    ") +
         "  esac\n"
         "  compadd -- ${=words}\n"
         "}\n"
         "_imgring \"$@\"\n";
}

std::string fish_script() {
  std::string out =
      "# Words of imgring; made by: imgring completion fish\ncomplete -c imgring -f\n";
  for (const Command& command : commands()) {
    const std::string name(command.name);
    out += "complete -c imgring -n __fish_use_subcommand -a " + name + " -d " +
           shell_quoted(command.help) + "\n";
    for (const Flag& flag : command.flags) {
      const std::string takes = flag.value.empty()     ? ""
                                : flag.value == "FILE" ? " -r -F"
                                                       : " -x -a '(__fish_complete_users)'";
      out += "complete -c imgring -n '__fish_seen_subcommand_from " + name + "' -l " +
             std::string(flag.name) + takes + " -d " + shell_quoted(flag.help) + "\n";
    }
  }
  return out +
         "complete -c imgring -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'\n";
}

}  // namespace

std::string usage_text() {
  std::string text =
      "usage: imgring [COMMAND] [FLAG...]\n\nWithout a command: serve, as the IMGPROXY_* variables "
      "say.\n\n";
  for (const Command& command : commands()) text += row_text(command_words(command), command.help);
  return text;
}

std::string command_text(const Command& command) {
  std::string text = "usage: imgring " + command_words(command);
  for (const Flag& flag : command.flags) text += " [" + flag_words(flag) + "]";
  text += "\n\n" + std::string(command.help) + "\n";
  if (!command.flags.empty()) text += "\n";
  for (const Flag& flag : command.flags) text += row_text(flag_words(flag), flag.help);
  return text;
}

namespace {

int show_markdown(std::string_view topic) {
  if (topic != "variables" && topic != "url-options") {
    std::fprintf(stderr, "imgring: --markdown knows variables and url-options\n");
    return server::kExitFailed;
  }
  const bool variables = topic == "variables";
  const std::string text = variables ? config::variables_markdown() : url_options_markdown();
  std::fputs(text.c_str(), stdout);
  return server::kExitOk;
}

// A variable, a group of them, a URL option, or all of either; empty: there is none.
std::string topic_text(std::string_view topic) {
  if (topic == "url-options") return url_options_text();
  const std::string text = config::help_text(topic);
  return text.empty() ? url_option_text(topic) : text;
}

}  // namespace

int show_help(const CommandContext& context) {
  if (context.has("markdown")) {
    return show_markdown(context.arguments.empty() ? "" : context.arguments[0]);
  }
  if (context.arguments.empty()) {
    std::printf(
        "%s\nTopics of help: a command; a variable, as in imgring help IMGPROXY_TTL; an option of "
        "URLs, as in\nimgring help resize, or all of them (url-options); all variables that have "
        "an effect (variables),\nor those of a group:\n%s",
        usage_text().c_str(), config::help_groups().c_str());
    return server::kExitOk;
  }
  const std::string& topic = context.arguments[0];
  if (const Command* command = find_command(topic)) {
    std::fputs(command_text(*command).c_str(), stdout);
    return server::kExitOk;
  }
  const std::string text = topic_text(topic);
  if (text.empty()) return unknown_topic(topic);
  std::fputs(text.c_str(), stdout);
  return server::kExitOk;
}

int show_completion(const CommandContext& context) {
  struct Shell {
    std::string_view name;
    std::string (*script)();
  };
  constexpr Shell kShells[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};
  for (const Shell& shell : kShells) {
    if (shell.name != context.arguments[0]) continue;
    std::fputs(shell.script().c_str(), stdout);
    return server::kExitOk;
  }
  std::fprintf(stderr, "imgring: no completion for %s; there is bash, zsh, fish\n",
               context.arguments[0].c_str());
  return server::kExitFailed;
}

}  // namespace imgring::cli
