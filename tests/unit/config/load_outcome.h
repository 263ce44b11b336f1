// A configuration as an environment makes it, with all that is said of it, and files for it.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "imgring/config/load.h"

namespace imgring::config {

using Environment = std::map<std::string, std::string>;

struct Outcome {
  std::optional<Config> config;
  LoadReport report;
  std::string all() const {
    std::string text;
    for (const auto* lines : {&report.errors, &report.warnings, &report.notes}) {
      for (const std::string& line : *lines) text += line + "\n";
    }
    return text;
  }
};
inline Outcome load(Environment environment, bool terminal = false) {
  Outcome outcome;
  const LoadInput input{std::move(environment), terminal};
  outcome.config = load_config(input, &outcome.report);
  EXPECT_EQ(outcome.config.has_value(), outcome.report.errors.empty()) << outcome.all();
  return outcome;
}

// Files of a test, gone with it.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "imgring-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/" + name) << text;
    return path_ + "/" + name;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace imgring::config
