// From the environment (and the environment file) to a Config.
// Plain functions, main thread: files named by the variables are read, nothing else is touched.
#pragma once

#include <map>
#include <optional>
#include <string>
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
  std::string value;   // secrets are masked
  std::string origin;  // "default", "environment", "file", or the variable it was taken from
};
struct LoadReport {
  std::vector<std::string> notes;     // for the information level
  std::vector<std::string> warnings;  // one line each
  std::vector<std::string> errors;    // every bad value of the run, by name
  std::vector<OptionState> options;   // in table order
};

// nullopt when the report has errors.
std::optional<Config> load_config(const LoadInput& input, LoadReport* report);
// The process's environment as load_config wants it.
std::map<std::string, std::string> read_environment(const char* const* environment);

// The variables as text for `--help` (what works in this build) and the whole table as a man page.
std::string help_text();
// `commands`: lines that stand in it as they are.
std::string man_page(std::string_view commands);
// NAME=value lines with their origin.
std::string print_config(const LoadReport& report);

}  // namespace imgring::config
