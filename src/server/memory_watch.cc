// One look at /proc/self/statm.
#include "imgring/server/memory_watch.h"

#include "imgring/mem/limits.h"

namespace imgring::server {

MemoryLevel MemoryWatch::judge(std::uint64_t resident_bytes, MemoryLevel before) const noexcept {
  const auto above = [&](std::uint64_t percent) { return resident_bytes > limit_ / 100 * percent; };
  if (above(kFullPercent)) return MemoryLevel::kFull;
  if (above(kTightPercent)) return MemoryLevel::kTight;
  return before != MemoryLevel::kFine && above(kFinePercent) ? MemoryLevel::kTight
                                                             : MemoryLevel::kFine;
}

MemoryLevel MemoryWatch::look() noexcept {
  using Clock = std::chrono::steady_clock;
  const std::int64_t now = Clock::now().time_since_epoch().count();
  std::int64_t last = looked_ns_.load(std::memory_order_relaxed);
  const std::int64_t every = std::chrono::nanoseconds(kLookEvery).count();
  if (now - last < every) return level();
  if (!looked_ns_.compare_exchange_strong(last, now, std::memory_order_relaxed)) return level();
  const auto memory = mem::own_memory();
  if (!memory) return level();
  const std::uint64_t others = others_ ? others_() : 0;
  level_.store(judge(memory->rss_bytes + others, level()), std::memory_order_relaxed);
  return level();
}

}  // namespace imgring::server
