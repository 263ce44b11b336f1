// The system's clocks: the one place that asks the kernel for the time of day.
#include "imgring/base/clock.h"

#include <ctime>

namespace imgring {

namespace {
class SystemTime final : public TimeSource {
 public:
  Time now() const noexcept override { return std::chrono::steady_clock::now(); }
  std::int64_t unix_s() const noexcept override { return std::time(nullptr); }
};
}  // namespace

TimeSource& system_time() noexcept {
  static SystemTime time;
  return time;
}

}  // namespace imgring
