// From corner to corner along the direction.
#include "ramp.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace imgring::pipeline::steps {

RampOver::RampOver(const url::Ramp& ramp, Size frame) noexcept
    : half_width_(frame.width / 2.0), half_height_(frame.height / 2.0), start_(ramp.start),
      stop_(ramp.stop), width_(frame.width) {
  const double angle = ramp.direction * std::numbers::pi / 180;
  // Right angles exactly: a sine that is next to nothing moved pixels of a step.
  const auto clean = [](double v) { return std::abs(v) < 1e-12 ? 0.0 : v; };
  across_ = clean(-std::sin(angle));
  down_ = clean(std::cos(angle));
  length_ = frame.width * std::abs(across_) + frame.height * std::abs(down_);
}

double RampOver::share_at(double way) const noexcept {
  if (start_ == stop_) return way >= start_ ? 1 : 0;
  return std::clamp((way - start_) / (stop_ - start_), 0.0, 1.0);
}

// at() only grows or only falls along a row: both ends are found by halving.
RampOver::Columns RampOver::columns(int y, double from, double to) const noexcept {
  const bool grows = at(width_ - 1, y) >= at(0, y);
  const auto first_where = [&](auto&& holds) {
    int low = 0, high = width_;
    while (low < high) {
      const int middle = low + (high - low) / 2;
      if (holds(at(middle, y))) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  };
  if (grows) {
    return {first_where([from](double t) { return t > from; }),
            first_where([to](double t) { return t > to; })};
  }
  return {first_where([to](double t) { return t <= to; }),
          first_where([from](double t) { return t <= from; })};
}

}  // namespace imgring::pipeline::steps
