// The standard process_* numbers of Prometheus, out of /proc/self.
// Owns: nothing. Touch: any thread; a scrape's work, some tens of microseconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace imgring::observe {

// What cannot be read has no series.
struct ProcessNumbers {
  std::optional<double> cpu_seconds;
  std::optional<std::uint64_t> open_fds, max_fds;
  std::optional<std::uint64_t> resident_bytes, virtual_bytes;
  std::optional<double> start_time_seconds;  // since 1970
};
ProcessNumbers read_process_numbers();

// /proc/self/stat.
struct ProcessTimes {
  std::uint64_t cpu_ticks = 0;    // user and system
  std::uint64_t start_ticks = 0;  // since the machine started
};
std::optional<ProcessTimes> parse_stat(std::string_view text);

}  // namespace imgring::observe
