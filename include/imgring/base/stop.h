// The one flag between a loop that gave up and a helper that works: set by the loop, read by the
// helper between strips, steps and frames. Any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "imgring/base/error.h"

namespace imgring {

enum class StopReason : std::uint8_t { kNone, kTimeout, kClientGone, kShutdown };

class StopFlag {
 public:
  void stop(StopReason reason) noexcept { reason_.store(reason, std::memory_order_relaxed); }
  StopReason reason() const noexcept { return reason_.load(std::memory_order_relaxed); }
  bool stopped() const noexcept { return reason() != StopReason::kNone; }

 private:
  std::atomic<StopReason> reason_{StopReason::kNone};
};

// Error of a stop: kTimeout past the deadline, else kCancelled.
Error stop_error(StopReason reason);

}  // namespace imgring
