// What this process may use: memory limit, CPUs, its own memory, and byte budgets.
// Owns: Budget's two atomic words. Touch: any thread. The functions read /proc and /sys/fs/cgroup
// below a root, so that tests can bring their own; they are for the start and for ticks, not for
// requests.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "imgring/base/error.h"

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

struct OwnMemory {
  std::uint64_t rss_bytes = 0;
  std::uint64_t rss_anon_bytes = 0;
  std::uint64_t virtual_bytes = 0;
};
// From /proc/self/statm, without allocating; a few microseconds.
Result<OwnMemory> own_memory();
Result<OwnMemory> parse_statm(std::string_view text, std::uint64_t page_size_bytes);

class Grant;

// Bytes that all cores share. Outlives its grants.
class Budget {
 public:
  explicit Budget(std::uint64_t max_bytes) noexcept : max_(max_bytes) {}
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;
  ~Budget();

  // All of n or nothing.
  bool try_acquire(std::uint64_t n) noexcept;
  void release(std::uint64_t n) noexcept;
  // Leaves n bytes to whoever reserved them: the others take only what is free beyond. One at a
  // time, 0 < n <= max(); false: there is one already. Ends with redeem() or unreserve().
  bool reserve(std::uint64_t n) noexcept;
  void unreserve() noexcept { reserved_.store(0, std::memory_order_relaxed); }
  // The bytes reserved, as a handle; empty, and still reserved, while they are not free.
  std::optional<Grant> redeem() noexcept;
  // As a handle that gives back by itself; empty when there is no room.
  std::optional<Grant> try_grant(std::uint64_t n) noexcept;
  std::uint64_t current() const noexcept { return used_.load(std::memory_order_relaxed); }
  std::uint64_t max() const noexcept { return max_; }
  // The most that was ever taken at once.
  std::uint64_t peak() const noexcept { return peak_.load(std::memory_order_relaxed); }

 private:
  bool try_acquire_below(std::uint64_t top, std::uint64_t n) noexcept;
  std::uint64_t max_;
  void note_peak(std::uint64_t used) noexcept;
  std::atomic<std::uint64_t> used_{0};
  std::atomic<std::uint64_t> peak_{0};
  std::atomic<std::uint64_t> reserved_{0};
};

// Bytes taken from a budget; move-only, gives back on destruction. Its owner, on any thread.
class Grant {
 public:
  Grant() noexcept = default;
  Grant(Grant&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Grant& operator=(Grant&& other) noexcept;
  Grant(const Grant&) = delete;
  Grant& operator=(const Grant&) = delete;
  ~Grant() { reset(); }

  std::uint64_t bytes() const noexcept { return bytes_; }
  // n more; false and unchanged when there is no room.
  bool add(std::uint64_t n) noexcept;
  // Gives back what is above n.
  void shrink_to(std::uint64_t n) noexcept;
  void reset() noexcept { shrink_to(0); }

 private:
  friend class Budget;
  Grant(Budget& budget, std::uint64_t n) noexcept : budget_(&budget), bytes_(n) {}
  Budget* budget_ = nullptr;
  std::uint64_t bytes_ = 0;
};

}  // namespace imgring::mem
