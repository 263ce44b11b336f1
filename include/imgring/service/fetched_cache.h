// Watermarks and fallback images that URLs name, as they were fetched: what is asked for again soon
// is at hand.
// Owns: the entries of one core. Loop thread only; a picture may outlive its entry, on any thread.
// Promises: so many entries at most, of a total that all cores share (Ledger::cached_pictures),
// whose bytes stay in the downloads' part; none is given out that is older than kAgeMax. At a tick
// those go that nobody has asked for in kIdleMax, and all of them when memory is short.
#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/loop/loop.h"
#include "imgring/mem/ledger.h"
#include "imgring/pipeline/render.h"

namespace imgring::service {

// Its bytes are its own: the buffer they came in goes back to its pool.
struct FetchedPicture {
  pipeline::AuxImage image;
  mem::Grant bytes;   // of the downloads' part
  mem::Grant cached;  // of what caches may hold; empty: in none

  // What was kept for one request may be larger than another may have. 0: it may have any.
  bool fits(std::int64_t size_bytes_max) const noexcept {
    return size_bytes_max == 0 || static_cast<std::int64_t>(image.bytes.size()) <= size_bytes_max;
  }
};
using FetchedPtr = std::shared_ptr<FetchedPicture>;

class FetchedCache {
 public:
  using Time = loop::Clock::time_point;
  // A picture that is replaced is seen by then.
  static constexpr std::chrono::minutes kAgeMax{10};
  static constexpr std::chrono::minutes kIdleMax{1};

  FetchedCache(std::size_t entries_max, mem::Budget& budget) noexcept
      : entries_max_(entries_max), budget_(budget) {}
  FetchedCache(const FetchedCache&) = delete;
  FetchedCache& operator=(const FetchedCache&) = delete;

  // Null: none, or too old.
  FetchedPtr find(std::string_view url, Time now);
  // Kept where there is room, in the place of those that were not asked for longest.
  void keep(std::string url, const FetchedPtr& picture, Time now);
  void tick(Time now);
  void clear() noexcept { entries_.clear(); }
  std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    std::string url;
    FetchedPtr picture;
    Time fetched, used;
  };
  std::size_t entries_max_;
  mem::Budget& budget_;
  std::list<Entry> entries_;  // asked for last in front
};

}  // namespace imgring::service
