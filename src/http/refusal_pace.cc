// Slots in a schedule: how far a slot is ahead of the time is how long its client is not read.
#include "imgring/http/refusal_pace.h"

#include <algorithm>

namespace imgring::http {

namespace {
// Steps by the golden ratio fall evenly into an interval however many they are.
constexpr double kGoldenStep = 0.6180339887498949;

RefusalPace::Duration on_grid(RefusalPace::Duration hold, RefusalPace::Time now) noexcept {
  const RefusalPace::Duration past = (now + hold).time_since_epoch() % RefusalPace::kHoldGrid;
  hold -= past;
  return hold < RefusalPace::kHoldMin ? hold + RefusalPace::kHoldGrid : hold;
}
}  // namespace

RefusalPace::Duration RefusalPace::count(Duration slot, Time now) noexcept {
  next_ = std::max(next_, now) + slot;
  const Duration ahead = next_ - now;
  if (ahead <= kHoldMin) return Duration::zero();
  if (ahead <= kHoldMax) return on_grid(ahead, now);
  next_ = now + kHoldMax;  // a flood that has ended leaves no debt behind
  turn_ += kGoldenStep;
  if (turn_ >= 1) turn_ -= 1;
  const std::chrono::duration<double> part = std::chrono::duration<double>(kHoldMax) / 2 * turn_;
  return on_grid(kHoldMax - std::chrono::duration_cast<Duration>(part), now);
}

}  // namespace imgring::http
