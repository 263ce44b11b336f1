// The option table as text: --help, the man page, print-config. Plain functions, any thread.
#include <algorithm>

#include "imgring/base/text.h"
#include "imgring/config/load.h"

namespace imgring::config {
namespace {

struct StatusText {
  bool in_help;
  std::string_view note;
};
// In the order of OptionStatus.
constexpr StatusText kStatusTexts[] = {
    {true, ""},
    {false, "Not built yet."},
    {false, "Not built yet: the start is refused when it is set."},
    {false, "Not built yet."},
    {false, "Deprecated."},
    {false, "Removed."},
    {false, "Without effect."},
    {false, "Without effect yet."},
    {true, ""},
};
static_assert(std::size(kStatusTexts) == static_cast<std::size_t>(OptionStatus::kExternal) + 1);
const StatusText& text_of(OptionStatus status) {
  return kStatusTexts[static_cast<std::size_t>(status)];
}

std::string facts_line(const Option& option) {
  std::string line(type_name(option.type));
  const std::string valid = valid_text(option);
  if (!valid.empty()) line += ", " + valid;
  if (!option.default_text.empty()) line += ", default " + std::string(option.default_text);
  return line;
}

// troff: a leading dot or quote would be a request, a hyphen must stay one.
std::string roff(std::string_view text) {
  std::string result = replace_all(replace_all(text, "\\", "\\e"), "-", "\\-");
  if (result.starts_with('.') || result.starts_with('\'')) result.insert(0, "\\&");
  return result;
}

// Lines as they are.
std::string verbatim(std::string_view text) {
  std::string out = ".nf\n";
  for (const std::string_view line : split(text, "\n")) out += roff(line) + "\n";
  return out + ".fi\n";
}

constexpr std::string_view kBehaviour =
    ".SH SIGNALS\n.TP\n.B SIGTERM, SIGINT\n"
    "Requests that have begun are answered, for IMGPROXY_GRACEFUL_STOP_TIMEOUT at most; a second "
    "one ends them at once. With IMGRING_DRAIN_DELAY /ready answers 503 for so long before, and "
    "all is "
    "served.\n"
    ".TP\n.B SIGHUP\nReads keys, salts, presets and source rules again.\n"
    ".SH EXIT STATUS\n.TP\n.B 0\nStopped as asked.\n"
    ".TP\n.B 1\nThe address is taken, a picture of the configuration can't be fetched, work was "
    "left at the end of the grace time, or helpers were stuck.\n"
    ".TP\n.B 78\nThe configuration is bad, or IMGRING_ENGINE is refused; the log names every "
    "cause.\n"
    ".SH EXAMPLES\n.nf\n"
    "imgring check\\-config \\-\\-env\\-file /etc/imgring/imgring.env \\-\\-user imgring\n"
    "imgring sign /rs:fit:300:300/plain/https://example.com/cat.jpg@webp\n"
    "imgring explain /unsafe/w:300/plain/local:///cat.jpg\n"
    ".fi\n"
    ".SH SEE ALSO\n.BR systemctl (1),\n.BR systemd.exec (5),\n.BR io_uring (7)\n"
    ".SH FILES\n.TP\n.B /etc/imgring/imgring.env\nSettings of the service.\n";

}  // namespace

namespace {

std::string section_text(const OptionSection& section) {
  std::string body;
  for (const Option& option : section.options) {
    if (!text_of(option.status).in_help) continue;
    body += "  " + std::string(option.name) + "  (" + facts_line(option) + ")\n      " +
            std::string(option.help) + "\n";
  }
  return body.empty() ? body : std::string(section.title) + "\n\n" + body;
}

std::string option_text(const Option& option) {
  std::string text = std::string(option.name) + "  (" + facts_line(option) + ")\n";
  if (!option.replaced_by.empty()) {
    return text + "Older name of " + std::string(option.replaced_by) + ".\n";
  }
  text += std::string(option.help) + "\n";
  const std::string_view note = text_of(option.status).note;
  return note.empty() ? text : text + std::string(note) + "\n";
}

// The word that help knows a group by: of "Monitoring and logs" it is "monitoring".
std::string group_word(const OptionSection& section) {
  return to_lower(section.title.substr(0, section.title.find_first_of(" ,")));
}

}  // namespace

std::string help_text(std::string_view topic) {
  const Option* option = find_option(topic);
  if (option == nullptr) {
    std::string name = to_lower(topic);
    for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    option = find_option(name);
  }
  if (option != nullptr) return option_text(*option);
  std::string text;
  for (const OptionSection& section : option_sections()) {
    if (topic != "variables" && topic != group_word(section)) continue;
    const std::string body = section_text(section);
    if (!body.empty()) text += (text.empty() ? "" : "\n") + body;
  }
  return text;
}

namespace {

// Of a table: a bar would begin the next cell, an angle bracket a tag.
std::string cell(std::string_view text) {
  return " " + replace_all(replace_all(text, "|", "\\|"), "<", "\\<") + " |";
}
std::string code_cell(std::string_view text) {
  return text.empty() ? " |" : " `" + replace_all(text, "|", "\\|") + "` |";
}

std::string markdown_row(const Option& option) {
  std::string facts(type_name(option.type));
  const std::string valid = valid_text(option);
  if (!valid.empty()) facts += ", " + valid;
  std::string help(option.help);
  if (option.secret) help += " Never shown.";
  if (option.reloaded) help += " A reload is enough.";
  return "|" + code_cell(option.name) + cell(facts) + code_cell(option.default_text) + cell(help) +
         "\n";
}

// Those that do nothing here, or are older names.
std::string markdown_rest() {
  std::string rows;
  for (const OptionSection& section : option_sections()) {
    for (const Option& option : section.options) {
      if (text_of(option.status).in_help) continue;
      const std::string what =
          option.replaced_by.empty()
              ? std::string(text_of(option.status).note) + " " + std::string(option.help)
              : "Older name of `" + std::string(option.replaced_by) + "`.";
      rows += "|" + code_cell(option.name) + cell(what) + "\n";
    }
  }
  return "\n## Known, and without effect\n\n| Variable | Why |\n| --- | --- |\n" + rows;
}

}  // namespace

std::string variables_markdown() {
  std::string text;
  for (const OptionSection& section : option_sections()) {
    std::string rows;
    for (const Option& option : section.options) {
      if (text_of(option.status).in_help) rows += markdown_row(option);
    }
    if (rows.empty()) continue;
    text += (text.empty() ? "## " : "\n## ") + std::string(section.title) +
            "\n\n| Variable | Takes | Default | What it does |\n| --- | --- | --- | --- |\n" + rows;
  }
  return text + markdown_rest();
}

std::string help_groups() {
  std::string text;
  for (const OptionSection& section : option_sections()) {
    if (section_text(section).empty()) continue;
    std::string word = group_word(section);
    word.resize(std::max<std::size_t>(word.size(), 18), ' ');
    text += "  " + word + std::string(section.title) + "\n";
  }
  return text;
}

std::string man_page(std::string_view commands) {
  std::string page =
      ".TH IMGRING 1\n.SH NAME\nimgring \\- image processing server\n"
      ".SH SYNOPSIS\n.B imgring\n.RI [ command ]\n.SH DESCRIPTION\n"
      "Serves images resized and converted as their URLs say. Everything is configured by "
      "environment variables.\n.SH COMMANDS\n";
  page += verbatim(commands);
  page += kBehaviour;
  page += ".SH ENVIRONMENT\n";
  for (const OptionSection& section : option_sections()) {
    page += ".SS " + roff(section.title) + "\n";
    for (const Option& option : section.options) {
      page += ".TP\n.B " + roff(option.name) + "\n";
      if (!option.replaced_by.empty()) {
        page += roff("Older name of " + std::string(option.replaced_by) + ".") + "\n";
        continue;
      }
      page += roff(facts_line(option)) + ".\n" + roff(option.help) + "\n";
      const std::string_view note = text_of(option.status).note;
      if (!note.empty()) page += roff(note) + "\n";
    }
  }
  return page;
}

namespace {

bool is_shown(const OptionState& state, const Shown& shown) {
  if (state.origin != "default") return true;
  return !shown.changed && text_of(find_option(state.name)->status).in_help;
}

std::string in_force(const OptionState& state, const Shown& shown) {
  const auto at = shown.in_force.find(state.name);
  return at == shown.in_force.end() ? std::string() : at->second;
}

}  // namespace

std::string print_config(const LoadReport& report, const Shown& shown) {
  std::string text;
  for (const OptionState& state : report.options) {
    if (!is_shown(state, shown)) continue;
    const std::string now = in_force(state, shown);
    text += state.name + "=" + state.value + "  # " + state.origin +
            (now.empty() ? "" : "; in force: " + now) + "\n";
  }
  return text;
}

std::string config_json(const LoadReport& report, const Shown& shown) {
  std::string text;
  for (const OptionState& state : report.options) {
    if (!is_shown(state, shown)) continue;
    const std::string now = in_force(state, shown);
    text += (text.empty() ? "{\"name\":" : ",{\"name\":") + json_quote(state.name) +
            ",\"value\":" + json_quote(state.value) + ",\"origin\":" + json_quote(state.origin) +
            (now.empty() ? "" : ",\"in_force\":" + json_quote(now)) + "}";
  }
  return "[" + text + "]";
}

}  // namespace imgring::config
