// What the machine and its control groups give this process: memory, processors, threads.
// Owns nothing. Any thread. The functions read /proc and /sys/fs/cgroup below a root, so that tests
// can bring their own; they are for the start and for errors, not for requests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace imgring::mem {

struct MemoryLimit {
  std::uint64_t bytes = 0;
  std::string_view origin;  // "cgroup v2", "cgroup v1", "RAM" or "IMGRING_MEMORY_LIMIT"
};
// The smallest limit on the way from our cgroup to the root, when it is below ram_bytes.
MemoryLimit memory_limit_below(const std::string& root, std::uint64_t ram_bytes);
MemoryLimit memory_limit();
// The limit set by hand, in MiB, where it is not 0.
MemoryLimit memory_limit(std::int64_t by_hand_mib);

// CPUs of quota and affinity: at least 1, a part of a CPU counts whole.
int usable_cpus_below(const std::string& root, int affinity_cpus);
int usable_cpus();

// One line of /proc/self/cgroup: "4:memory:/path", "0::/path".
struct CgroupEntry {
  std::vector<std::string_view> controllers;  // empty: v2
  std::string_view path;
};
std::vector<CgroupEntry> parse_cgroup_file(std::string_view text);
// memory.max, memory.high, memory.limit_in_bytes; nullopt for "max", no number, or v1's "no limit"
// (2^63 - page).
std::optional<std::uint64_t> parse_memory_limit(std::string_view text);
// cpu.max "150000 100000"; nullopt for "max 100000".
std::optional<double> parse_cpu_max(std::string_view text);

// What bounds the threads of this process, with the numbers that are met, for whoever has to raise
// them: "raise RLIMIT_NPROC (ulimit -u, threads of this user: 64) or TasksMax (pids.max: 512)".
std::string thread_limits_text_below(const std::string& root, std::uint64_t own_limit);
std::string thread_limits_text();

}  // namespace imgring::mem
