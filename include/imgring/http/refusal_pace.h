// How often a loop refuses, and how long a client that was just refused is not read again.
// Owns: one point in time. No clock of its own: the caller gives the time. One loop's thread.
// Why: helpers run at a worse nice value than loops, so whatever time refusals take is taken from
// pictures, and a client that asks again at once takes as much of it as there is (decision 41).
//
// Refusals have slots in a schedule, one behind the other. As long as the schedule is not more than
// kHoldMin ahead of the time nobody is held. Beyond, a connection is held until its slot, so that
// they come back at the pace; from kHoldMax on somewhere in the upper half of it, spread evenly,
// since all at once would be one burst a second. Holds end at multiples of kHoldGrid: fifty clients
// that come back together cost half of what they do one at a time, each with a turn of the loop and
// cold caches (20 and 37 us measured), and hold up whoever comes then by a millisecond.
#pragma once

#include <chrono>

namespace imgring::http {

class RefusalPace {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  // Overload (429, 503), 1000 a second: at 15 us each 1.5 % of a core.
  static constexpr std::chrono::microseconds kRefusalSlot{1000};
  // Mistakes that are found in the URL (403, 404 and their like), 5000 a second: as cheap, but a
  // proxy may bring one client's mistakes on a connection of many others.
  static constexpr std::chrono::microseconds kMistakeSlot{200};
  // Shorter is not worth a timer; longer is past our Retry-After.
  static constexpr std::chrono::milliseconds kHoldMin{100}, kHoldMax{1000};
  static constexpr std::chrono::milliseconds kHoldGrid{50};

  // Counts one refusal; how long its connection is held: 0, or kHoldMin to kHoldMax.
  Duration count(Duration slot, Time now) noexcept;

 private:
  Time next_{};      // the first free slot
  double turn_ = 0;  // 0 to 1: where in the upper half the next one is held to
};

}  // namespace imgring::http
