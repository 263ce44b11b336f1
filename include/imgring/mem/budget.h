// Bytes that all cores share, and the handles of who took some: what the process allows itself.
// Owns: Budget's three atomic words. Any thread.
// Promises: never more than max() is taken.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

namespace imgring::mem {

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
