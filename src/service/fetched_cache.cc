// A list in the order of use: 256 entries at most.
#include "imgring/service/fetched_cache.h"

#include <algorithm>
#include <utility>

namespace imgring::service {

FetchedPtr FetchedCache::find(std::string_view url, Time now) {
  const auto found = std::ranges::find(entries_, url, &Entry::url);
  if (found == entries_.end()) return nullptr;
  if (now - found->fetched >= kAgeMax) {
    entries_.erase(found);
    return nullptr;
  }
  found->used = now;
  entries_.splice(entries_.begin(), entries_, found);
  return entries_.front().picture;
}

void FetchedCache::keep(std::string url, const FetchedPtr& picture, Time now) {
  std::erase_if(entries_, [&url](const Entry& entry) { return entry.url == url; });
  const std::uint64_t bytes = picture->image.bytes.size();
  if (entries_max_ == 0 || bytes > budget_.max()) return;
  while (entries_.size() >= entries_max_) entries_.pop_back();
  auto room = budget_.try_grant(bytes);
  while (!room && !entries_.empty()) {
    entries_.pop_back();
    room = budget_.try_grant(bytes);
  }
  if (!room) return;
  picture->cached = std::move(*room);
  entries_.push_front({std::move(url), picture, now, now});
}

void FetchedCache::tick(Time now) {
  std::erase_if(entries_, [now](const Entry& entry) {
    return now - entry.used >= kIdleMax || now - entry.fetched >= kAgeMax;
  });
}

}  // namespace imgring::service
