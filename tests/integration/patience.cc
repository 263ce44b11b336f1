// Limits of waits.
#include "patience.h"

#include <algorithm>
#include <cstdlib>

#include "imgring/base/sanitized.h"

namespace imgring::test {

namespace {

constexpr int kSlowFactor = 6;

}  // namespace

bool slow_build() {
  static const bool slow = kSanitized || std::getenv("IMGRING_SLOW") != nullptr;
  return slow;
}

Milliseconds patience(int milliseconds) {
  return Milliseconds(slow_build() ? milliseconds * kSlowFactor : milliseconds);
}

int poll_time(Clock::time_point until) {
  const auto left = std::chrono::ceil<Milliseconds>(until - Clock::now()).count();
  return static_cast<int>(std::max<std::int64_t>(0, left));
}

}  // namespace imgring::test
