// NAME=VALUE files (configuration.md section 1.3). Plain functions, main thread.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>

namespace imgring::config {

using Variables = std::map<std::string, std::string>;

// `$NAME` stands for an earlier line's value, or else for the environment's.
// The error names the line.
std::expected<Variables, std::string> parse_env_file(std::string_view text,
                                                     const Variables& environment);
// The whole file; the error says why not.
std::expected<std::string, std::string> read_whole_file(const std::string& path);

}  // namespace imgring::config
