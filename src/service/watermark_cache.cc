// A list in the order of use: 256 entries at most.
#include "imgring/service/watermark_cache.h"

#include <algorithm>
#include <utility>

namespace imgring::service {

MarkPtr WatermarkCache::find(std::string_view url, Time now) {
  const auto found = std::ranges::find(entries_, url, &Entry::url);
  if (found == entries_.end()) return nullptr;
  if (now - found->fetched >= kAgeMax) {
    entries_.erase(found);
    return nullptr;
  }
  found->used = now;
  entries_.splice(entries_.begin(), entries_, found);
  return entries_.front().mark;
}

void WatermarkCache::keep(std::string url, const MarkPtr& mark, Time now) {
  std::erase_if(entries_, [&url](const Entry& entry) { return entry.url == url; });
  const std::uint64_t bytes = mark->image.bytes.size();
  if (entries_max_ == 0 || bytes > budget_.max()) return;
  while (entries_.size() >= entries_max_) entries_.pop_back();
  auto room = budget_.try_grant(bytes);
  while (!room && !entries_.empty()) {
    entries_.pop_back();
    room = budget_.try_grant(bytes);
  }
  if (!room) return;
  mark->cached = std::move(*room);
  entries_.push_front({std::move(url), mark, now, now});
}

void WatermarkCache::tick(Time now) {
  std::erase_if(entries_, [now](const Entry& entry) {
    return now - entry.used >= kIdleMax || now - entry.fetched >= kAgeMax;
  });
}

}  // namespace imgring::service
