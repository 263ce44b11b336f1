// Histograms with fixed bounds, in nanoseconds.
// Touch: observe by the owning thread only; the reading members by any thread. No allocation.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "imgring/mem/counter.h"

namespace imgring::observe {

using Nanoseconds = std::chrono::nanoseconds;

// Upper bounds of imgproxy's duration histograms: .005 .01 .025 .05 .1 .25 .5 1 2.5 5 10 s.
inline constexpr std::array<std::int64_t, 11> kDurationBounds = {
    5'000'000,   10'000'000,    25'000'000,    50'000'000,    100'000'000,   250'000'000,
    500'000'000, 1'000'000'000, 2'500'000'000, 5'000'000'000, 10'000'000'000};
// What a tick or a turn of the loop may take: 10 us .. 100 ms around the promised 1 ms.
inline constexpr std::array<std::int64_t, 9> kPauseBounds = {
    10'000, 50'000, 100'000, 250'000, 500'000, 1'000'000, 5'000'000, 20'000'000, 100'000'000};

template <const auto& kBounds>
class Histogram {
 public:
  static constexpr std::size_t kCount = kBounds.size() + 1;  // the last one is infinity
  static constexpr const auto& bounds() noexcept { return kBounds; }

  void observe(Nanoseconds duration) noexcept {
    const std::int64_t ns = duration.count() < 0 ? 0 : duration.count();
    std::size_t index = 0;
    while (index < kBounds.size() && ns > kBounds[index]) ++index;
    buckets_[index].add();
    sum_ns_.add(static_cast<std::uint64_t>(ns));
  }
  // Not cumulative.
  std::uint64_t bucket(std::size_t index) const noexcept { return buckets_[index].value(); }
  std::uint64_t sum_ns() const noexcept { return sum_ns_.value(); }

 private:
  std::array<mem::Counter, kCount> buckets_;
  mem::Counter sum_ns_;
};

using DurationHistogram = Histogram<kDurationBounds>;
using PauseHistogram = Histogram<kPauseBounds>;

}  // namespace imgring::observe
