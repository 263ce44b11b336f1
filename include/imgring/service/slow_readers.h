// Answers on their way to clients of one core, and the end of the slowest of them while others wait
// for the bytes that unsent answers hold (decision 29): jobs for results', downloads for those of
// bodies that are sent as they came.
// Owned by its Core; loop thread only.
// Promises: nobody is ended who has had less than kFirstLook or whose source is waited for, nor
// while nobody waits for bytes of that part or answers hold no more than half of it; one at a time,
// the slowest first.
#pragma once

#include <cstddef>
#include <vector>

#include "imgring/http/server.h"
#include "imgring/loop/loop.h"
#include "imgring/service/shared.h"

namespace imgring::service {

class SlowReaders {
 public:
  // Below that an answer is as good as taken.
  static constexpr std::size_t kWatchedBytes = 2 * mem::kClientUntakenBytes;
  static constexpr std::chrono::seconds kFirstLook{1};  // a reader far away has begun by then
  static constexpr std::chrono::milliseconds kLookEvery{100};

  explicit SlowReaders(loop::Loop& loop) noexcept : loop_(loop), some_(loop) {}
  ~SlowReaders() { IMGRING_CHECK(sending_.empty()); }
  SlowReaders(const SlowReaders&) = delete;
  SlowReaders& operator=(const SlowReaders&) = delete;

  struct Body {
    mem::Part part;     // whose bytes it is
    std::size_t bytes;  // SIZE_MAX: not known yet
  };
  // An answer while it is sent; lives beside its responder.
  class Sending {
   public:
    Sending(SlowReaders& readers, http::Responder& responder, Body body);
    ~Sending();
    Sending(const Sending&) = delete;
    Sending& operator=(const Sending&) = delete;
    // It was ended for the others' sake.
    bool ended() const noexcept { return ended_; }

   private:
    friend class SlowReaders;
    SlowReaders& readers_;
    http::Responder& responder_;
    loop::Clock::time_point since_;
    mem::Part part_;
    bool watched_;
    bool ended_ = false;
  };
  // Until the scope ends.
  loop::Task<void> watch(loop::Scope& scope, const Shared& shared);
  // The slowest of those that were looked at long enough; false: none.
  bool end_slowest(mem::Part part, loop::Clock::time_point now) noexcept;

 private:
  loop::Loop& loop_;
  loop::Event some_;
  std::vector<Sending*> sending_;
};

}  // namespace imgring::service
