// How long the integration tests wait: every wait has a limit, longer under a sanitizer or with
// IMGRING_SLOW in the environment. Plain functions, any thread.
#pragma once

#include <chrono>
#include <thread>

namespace imgring::test {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

// True under a sanitizer or when the environment says so.
bool slow_build();
// A limit for a fast machine, stretched where the program is slow.
Milliseconds patience(int milliseconds);
// The ordinary limit of a wait: generous, it is only reached by a failure.
inline Milliseconds patience() { return patience(5000); }

// Milliseconds left for poll(2), never negative.
int poll_time(Clock::time_point until);

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Asks until it is true or the limit is over.
template <class F>
bool eventually(F condition, Milliseconds limit = patience()) {
  const auto until = Clock::now() + limit;
  while (!condition()) {
    if (Clock::now() > until) return false;
    std::this_thread::sleep_for(Milliseconds(2));
  }
  return true;
}

}  // namespace imgring::test
