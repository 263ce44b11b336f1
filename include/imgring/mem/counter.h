// Counters with one writer and any number of readers: plain loads and stores, never a locked
// instruction.
// Touch: add, sub, set by the owning thread only; value by any thread (it may lag, it never tears).
#pragma once

#include <atomic>
#include <cstdint>

namespace imgring::mem {

class Counter {
 public:
  void add(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  // For gauges: what was added goes away again.
  void sub(std::uint64_t n = 1) noexcept { add(~n + 1); }
  void set(std::uint64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace imgring::mem
