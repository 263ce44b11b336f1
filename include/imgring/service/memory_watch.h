// Our own resident memory, and that of our children, against the memory limit (hardening.md 4): at
// 85 % nobody new is let in and memory is collected, at 92 % image requests get 503. Any thread.
// Promises: reads /proc at most every kLookEvery, whoever asks; without a way to read it, all is
// fine.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

namespace imgring::service {

enum class MemoryLevel : std::uint8_t { kFine, kTight, kFull };

class MemoryWatch {
 public:
  static constexpr std::chrono::milliseconds kLookEvery{20};  // 12 MP take longer to decode
  static constexpr std::chrono::milliseconds kReleaseEvery{50};
  static constexpr std::uint64_t kTightPercent = 85, kFullPercent = 92;
  // Below this again all is fine: the level does not flicker.
  static constexpr std::uint64_t kFinePercent = 82;

  explicit MemoryWatch(std::uint64_t limit_bytes) noexcept : limit_(limit_bytes) {}
  // Bytes that others hold for us under the same limit; does not throw. Before the second thread.
  void count_too(std::function<std::uint64_t()> others) { others_ = std::move(others); }
  MemoryLevel look() noexcept;
  MemoryLevel level() const noexcept { return level_.load(std::memory_order_relaxed); }
  // True for one caller every kReleaseEvery: it asks for what the whole process may give back.
  bool may_release() noexcept;
  std::uint64_t limit_bytes() const noexcept { return limit_; }
  // What a resident size of so many bytes means, coming from a level.
  MemoryLevel judge(std::uint64_t resident_bytes, MemoryLevel before) const noexcept;

 private:
  std::uint64_t limit_;
  std::function<std::uint64_t()> others_;
  std::atomic<MemoryLevel> level_{MemoryLevel::kFine};
  std::atomic<std::int64_t> looked_ns_{0}, released_ns_{0};
};

}  // namespace imgring::service
