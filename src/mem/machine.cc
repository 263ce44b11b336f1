// Out of /proc and the files of control groups, both versions.
#include "imgring/mem/machine.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <thread>

#include "imgring/base/check.h"
#include "imgring/base/text.h"

namespace imgring::mem {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
// The files read here are a few lines; /proc/self/cgroup of a deep tree is the longest.
constexpr std::size_t kFileBytesMax = 64 * 1024;

// Small and virtual files only; empty when it cannot be read.
std::string read_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  std::string text;
  std::array<char, 4096> piece;
  while (text.size() < kFileBytesMax) {
    const ssize_t got = ::read(fd, piece.data(), piece.size());
    if (got <= 0) break;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  ::close(fd);
  return text;
}

std::optional<std::uint64_t> parse_unsigned(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class T>
void keep_smaller(std::optional<T>& kept, std::optional<T> found) {
  if (found && (!kept || *found < *kept)) kept = found;
}

// Calls visit with each directory from base + path up to base. What a container sees of its own
// cgroup may start anywhere on that way, and directories that are not there just have no files.
template <class Visit>
void walk_up(const std::string& base, std::string_view path, Visit visit) {
  for (;;) {
    while (!path.empty() && path.back() == '/') path.remove_suffix(1);
    visit(base + std::string(path));
    if (path.empty()) return;
    path = path.substr(0, path.rfind('/'));
  }
}

bool names(const CgroupEntry& entry, std::string_view controller) {
  return std::find(entry.controllers.begin(), entry.controllers.end(), controller) !=
         entry.controllers.end();
}

// Where a v1 controller is mounted: alone, or under the joint name with a link for each.
std::array<std::string, 2> v1_mounts(const std::string& root, const CgroupEntry& entry,
                                     std::string_view controller) {
  std::string joint;
  for (const std::string_view each : entry.controllers) {
    if (!joint.empty()) joint += ',';
    joint += each;
  }
  const std::string base = root + "/sys/fs/cgroup/";
  return {base + std::string(controller), base + joint};
}

// Pure v2, and v2 beside v1 (where it seldom has controllers).
std::array<std::string, 2> v2_mounts(const std::string& root) {
  return {root + "/sys/fs/cgroup", root + "/sys/fs/cgroup/unified"};
}

std::optional<double> v1_quota(const std::string& directory) {
  const auto quota = parse_int(trim(read_file(directory + "/cpu.cfs_quota_us")));
  const auto period = parse_int(trim(read_file(directory + "/cpu.cfs_period_us")));
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

int affinity_cpus() {
  // 1024 CPUs fit the ordinary set; a machine with more gets a larger one.
  for (int count = 1024; count <= 1 << 16; count *= 4) {
    cpu_set_t* set = CPU_ALLOC(count);
    if (set == nullptr) break;
    const std::size_t size_bytes = CPU_ALLOC_SIZE(count);
    const bool ok = sched_getaffinity(0, size_bytes, set) == 0;
    const int found = ok ? CPU_COUNT_S(size_bytes, set) : 0;
    CPU_FREE(set);
    if (found > 0) return found;
  }
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

std::vector<CgroupEntry> parse_cgroup_file(std::string_view text) {
  std::vector<CgroupEntry> entries;
  for (const std::string_view line : split(text, "\n")) {
    const std::size_t first = line.find(':');
    if (first == std::string_view::npos) continue;
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    CgroupEntry entry{.controllers = {}, .path = line.substr(second + 1)};
    if (!entry.path.starts_with('/')) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty()) entry.controllers = split(controllers, ",");
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::optional<std::uint64_t> parse_memory_limit(std::string_view text) {
  // v1 writes the largest number of whole pages for "none": 2^63 - 4096, or less with large pages.
  constexpr std::uint64_t kNone = std::numeric_limits<std::int64_t>::max() - (1 << 16);
  const auto value = parse_unsigned(trim(text));
  if (!value || *value >= kNone) return std::nullopt;
  return value;
}

std::optional<double> parse_cpu_max(std::string_view text) {
  const auto parts = split(trim(text), " ");
  if (parts.size() != 2) return std::nullopt;
  const auto quota = parse_unsigned(parts[0]);
  const auto period = parse_unsigned(parts[1]);
  if (!quota || !period || *quota == 0 || *period == 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

MemoryLimit memory_limit_below(const std::string& root, std::uint64_t ram_bytes) {
  const std::string text = read_file(root + "/proc/self/cgroup");
  std::optional<std::uint64_t> v1, v2;
  for (const CgroupEntry& entry : parse_cgroup_file(text)) {
    if (entry.controllers.empty()) {
      for (const std::string& mount : v2_mounts(root)) {
        walk_up(mount, entry.path, [&v2](const std::string& directory) {
          keep_smaller(v2, parse_memory_limit(read_file(directory + "/memory.max")));
          // Above memory.high the kernel slows us down: as good as a limit.
          keep_smaller(v2, parse_memory_limit(read_file(directory + "/memory.high")));
        });
      }
    } else if (names(entry, "memory")) {
      for (const std::string& mount : v1_mounts(root, entry, "memory")) {
        walk_up(mount, entry.path, [&v1](const std::string& directory) {
          keep_smaller(v1, parse_memory_limit(read_file(directory + "/memory.limit_in_bytes")));
        });
      }
    }
  }
  MemoryLimit limit{.bytes = ram_bytes, .origin = "RAM"};
  if (v1 && *v1 < limit.bytes) limit = {.bytes = *v1, .origin = "cgroup v1"};
  if (v2 && *v2 < limit.bytes) limit = {.bytes = *v2, .origin = "cgroup v2"};
  return limit;
}

MemoryLimit memory_limit() {
  struct sysinfo info = {};
  IMGRING_CHECK(sysinfo(&info) == 0);  // fails for a bad address only
  return memory_limit_below("", std::uint64_t{info.totalram} * info.mem_unit);
}

MemoryLimit memory_limit(std::int64_t by_hand_mib) {
  if (by_hand_mib == 0) return memory_limit();
  const std::uint64_t bytes = static_cast<std::uint64_t>(by_hand_mib) * kMiB;
  return {.bytes = bytes, .origin = "IMGRING_MEMORY_LIMIT"};
}

int usable_cpus_below(const std::string& root, int affinity) {
  const std::string text = read_file(root + "/proc/self/cgroup");
  std::optional<double> quota;
  for (const CgroupEntry& entry : parse_cgroup_file(text)) {
    if (entry.controllers.empty()) {
      for (const std::string& mount : v2_mounts(root)) {
        walk_up(mount, entry.path, [&quota](const std::string& directory) {
          keep_smaller(quota, parse_cpu_max(read_file(directory + "/cpu.max")));
        });
      }
    } else if (names(entry, "cpu")) {
      for (const std::string& mount : v1_mounts(root, entry, "cpu")) {
        walk_up(mount, entry.path, [&quota](const std::string& directory) {
          keep_smaller(quota, v1_quota(directory));
        });
      }
    }
  }
  const int cpus = std::max(1, affinity);
  if (!quota || *quota >= cpus) return cpus;
  return std::max(1, static_cast<int>(std::ceil(*quota)));
}

int usable_cpus() { return usable_cpus_below("", affinity_cpus()); }

std::string thread_limits_text_below(const std::string& root, std::uint64_t own_limit) {
  const std::string text = read_file(root + "/proc/self/cgroup");
  std::optional<std::uint64_t> tasks;
  const auto keep = [&tasks](const std::string& directory) {
    keep_smaller(tasks, parse_unsigned(trim(read_file(directory + "/pids.max"))));
  };
  for (const CgroupEntry& entry : parse_cgroup_file(text)) {
    const bool v2 = entry.controllers.empty();
    if (!v2 && !names(entry, "pids")) continue;
    const auto mounts = v2 ? v2_mounts(root) : v1_mounts(root, entry, "pids");
    for (const std::string& mount : mounts) walk_up(mount, entry.path, keep);
  }
  const std::string own = own_limit == RLIM_INFINITY ? "unlimited" : std::to_string(own_limit);
  return "raise RLIMIT_NPROC (ulimit -u, threads of this user: " + own +
         ") or TasksMax (pids.max: " + (tasks ? std::to_string(*tasks) : "unlimited") + ")";
}

std::string thread_limits_text() {
  rlimit limit{};
  IMGRING_CHECK(getrlimit(RLIMIT_NPROC, &limit) == 0);  // fails for a bad address only
  return thread_limits_text_below("", limit.rlim_cur);
}

}  // namespace imgring::mem
