// NAME=VALUE files (configuration.md section 1.3). Plain functions, main thread.
#pragma once

#include <cstddef>
#include <expected>
#include <map>
#include <string>
#include <string_view>

namespace imgring::config {

using Variables = std::map<std::string, std::string>;

// A line that names its own variable twice doubles it. 1 MiB holds 10 000 presets; with more, or
// with more in all, the line is an error.
inline constexpr std::size_t kEnvValueBytesMax = 1 << 20;
inline constexpr std::size_t kEnvFileBytesMax = 16 << 20;
// A file that a variable names, a picture for example: /dev/zero has no end.
inline constexpr std::size_t kSettingFileBytesMax = 64 << 20;

// `$NAME` stands for an earlier line's value, or else for the environment's.
// The error names the line.
std::expected<Variables, std::string> parse_env_file(std::string_view text,
                                                     const Variables& environment);
// As systemd reads the EnvironmentFile= of a unit (systemd.exec(5)): no $NAME, a backslash joins
// lines, quoted pieces join. The error names the line.
std::expected<Variables, std::string> parse_unit_file(std::string_view text);
// The whole file; the error says why not, as which user, and what to do.
std::expected<std::string, std::string> read_whole_file(const std::string& path);

}  // namespace imgring::config
