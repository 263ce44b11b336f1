// How far something that grows is at a pixel (paid.md section 2.5).
// Values; any thread.
#pragma once

#include "imgring/pipeline/step.h"
#include "imgring/url/processing_options.h"

namespace imgring::pipeline::steps {

class RampOver {
 public:
  RampOver(const url::Ramp& ramp, Size frame) noexcept;
  // Of the pixel in column x and row y: 0..1.
  double at(int x, int y) const noexcept { return share_at(way_at(x, y)); }
  // All pixels of a row with at() above `from` and up to `to`, as columns of [first, end).
  struct Columns {
    int first = 0, end = 0;
  };
  Columns columns(int y, double from, double to) const noexcept;

 private:
  double way_at(double x, double y) const noexcept {
    return ((x + 0.5 - half_width_) * across_ + (y + 0.5 - half_height_) * down_) / length_ + 0.5;
  }
  double share_at(double way) const noexcept;

  double half_width_, half_height_;
  double across_, down_, length_;  // of the way through the picture
  double start_, stop_;
  int width_;
};

}  // namespace imgring::pipeline::steps
