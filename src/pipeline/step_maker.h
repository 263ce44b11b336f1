// Makes the steps of a plan one by one, with the size after each (processing.md sections 4 to 6).
// For plan.cc; lives for one call, owns nothing. Any thread.
#pragma once

#include "imgring/pipeline/plan.h"

namespace imgring::pipeline {

class StepMaker {
 public:
  // `size`: of the picture that the first step is given.
  StepMaker(Plan* plan, const PlanInput& in, Size size)
      : plan_(*plan), in_(in), options_(in.pixels()), size_(size) {}

  // The steps of all kinds from index `first` on that the options ask for.
  void make_from(std::size_t first);
  // One more cut of the result, where nothing comes behind it.
  void cut_to(Area area);

  // For the rows: what they decide by, and what they add.
  const url::PixelOptions& options() const noexcept { return options_; }
  const PlanInput& in() const noexcept { return in_; }
  Plan& plan() const noexcept { return plan_; }
  Size size() const noexcept { return size_; }  // after the last step
  bool turned() const noexcept;                 // EXIF and options swap width and height
  Step& add(StepKind kind, Size after);
  // Nothing where no side of the picture is larger than `to`; 0: as it is.
  void cut(StepKind kind, Size to, const url::Gravity& gravity, double offset_scale);
  // Nothing where the picture is larger; sides of 0 and below: as they are.
  void put_on_canvas(StepKind kind, Size canvas, const url::Gravity& gravity);

 private:
  void cut_before_turn();

  Plan& plan_;
  const PlanInput& in_;
  const url::PixelOptions& options_;
  Size size_;  // after the last step
};

}  // namespace imgring::pipeline
