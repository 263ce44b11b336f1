// One look at /proc/self/statm.
#include "imgring/service/memory_watch.h"

#include "imgring/mem/own_memory.h"

namespace imgring::service {

MemoryLevel MemoryWatch::judge(std::uint64_t resident_bytes, MemoryLevel before) const noexcept {
  const auto above = [&](std::uint64_t percent) { return resident_bytes > limit_ / 100 * percent; };
  if (above(kFullPercent)) return MemoryLevel::kFull;
  if (above(kTightPercent)) return MemoryLevel::kTight;
  return before != MemoryLevel::kFine && above(kFinePercent) ? MemoryLevel::kTight
                                                             : MemoryLevel::kFine;
}

namespace {
// One caller per interval.
bool due(std::atomic<std::int64_t>& last_ns, std::chrono::nanoseconds every) noexcept {
  const std::int64_t now = std::chrono::steady_clock::now().time_since_epoch().count();
  std::int64_t last = last_ns.load(std::memory_order_relaxed);
  if (now - last < every.count()) return false;
  return last_ns.compare_exchange_strong(last, now, std::memory_order_relaxed);
}
}  // namespace

bool MemoryWatch::may_release() noexcept { return due(released_ns_, kReleaseEvery); }

MemoryLevel MemoryWatch::look() noexcept {
  if (!due(looked_ns_, kLookEvery)) return level();
  const auto memory = mem::own_memory();
  if (!memory) return level();
  const std::uint64_t others = others_ ? others_() : 0;
  level_.store(judge(memory->rss_bytes + others, level()), std::memory_order_relaxed);
  return level();
}

}  // namespace imgring::service
