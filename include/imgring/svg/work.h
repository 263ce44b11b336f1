// The meter of a walk over an SVG: what was looked at, in bytes and steps, and the flag that ends
// it. Owned by whoever started the walk; one thread.
// Promises: who spends for all it looks at is told within kSvgWorkStep that nobody waits any more.
#pragma once

#include <cstddef>
#include <cstdint>

#include "imgring/base/stop.h"

namespace imgring::svg {

// About 0.1 to 1 ms of a walk.
inline constexpr std::uint64_t kSvgWorkStep = 64 * 1024;
// Of gzip inside links, all together and at any depth: an SVG itself may have no more. Without it
// 10 MiB of links become 10 GiB, and each level multiplies that again. 20 ms.
inline constexpr std::size_t kSvgUnpackedBytesMax = std::size_t{10} << 20;

class SvgWork {
 public:
  explicit SvgWork(const StopFlag& stop) noexcept : stop_(stop) {}  // the flag must live longer
  // False: the flag was seen, and the walk is over.
  bool spend(std::size_t steps) noexcept {
    spent_ += steps;
    if (spent_ < look_at_) return !stopped_;
    look_at_ = spent_ + kSvgWorkStep;
    stopped_ = stopped_ || stop_.stopped();
    return !stopped_;
  }
  bool stopped() const noexcept { return stopped_; }
  // What is left of kSvgUnpackedBytesMax; whoever unpacks takes it out.
  std::size_t unpack_left_bytes = kSvgUnpackedBytesMax;
  StopReason reason() const noexcept { return stop_.reason(); }
  std::uint64_t spent() const noexcept { return spent_; }

 private:
  const StopFlag& stop_;
  std::uint64_t spent_ = 0, look_at_ = 0;
  bool stopped_ = false;
};

}  // namespace imgring::svg
