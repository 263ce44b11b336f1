// From the environment (and the environment file) to a Config.
// Plain functions, main thread: files named by the variables are read, nothing else is touched.
#pragma once

#include <cstddef>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/config/config.h"
#include "imgring/config/option.h"

namespace imgring::config {

struct LoadInput {
  std::map<std::string, std::string> environment;
  bool stdout_is_terminal = false;
};
// One option as it came out, for print-config.
struct OptionState {
  std::string name;
  std::string value;     // secrets are masked
  std::string origin;    // "default", "environment", "file", or the variable it was taken from
  std::size_t mark = 0;  // of the value as it was set: another one's differs
};
struct LoadReport {
  std::vector<std::string> notes;     // for the information level
  std::vector<std::string> warnings;  // one line each
  std::vector<std::string> errors;    // every bad value of the run, by name
  std::vector<OptionState> options;   // in table order
};

// Names of what is set otherwise than before, and needs a restart to be so.
std::vector<std::string> changed_for_restart(const std::vector<OptionState>& before,
                                             const std::vector<OptionState>& after);
// nullopt when the report has errors.
std::optional<Config> load_config(const LoadInput& input, LoadReport* report);
// The process's environment as load_config wants it.
std::map<std::string, std::string> read_environment(const char* const* environment);

// Those of a file as a unit's EnvironmentFile= is read; the error says why not.
std::expected<std::map<std::string, std::string>, std::string> read_unit_environment(
    const std::string& path);

// The variables as text: of a topic, which is one of them, "variables" (all that have an effect) or
// a group's word; empty: there is no such topic. And the whole table as a man page.
std::string help_text(std::string_view topic);
// All of the table for a document, in Markdown: what has an effect by groups, then the rest.
std::string variables_markdown();
// Words and titles of the groups.
std::string help_groups();
// `commands`: lines that stand in it as they are.
std::string man_page(std::string_view commands);
// How print-config shows them.
struct Shown {
  bool changed = false;  // without those that have their default
  // What a value comes to here, by name: of IMGPROXY_WORKERS the threads there are.
  std::map<std::string, std::string> in_force{};
};
// What has an effect, or is set: NAME=value lines with their origin, or a JSON list of objects.
std::string print_config(const LoadReport& report, const Shown& shown = {});
std::string config_json(const LoadReport& report, const Shown& shown = {});

}  // namespace imgring::config
