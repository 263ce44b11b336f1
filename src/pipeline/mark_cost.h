// What the watermark of a frame takes beyond the picture it lies on: from facts and options alone.
// Values; any thread.
#pragma once

#include "imgring/pipeline/plan.h"

namespace imgring::pipeline {

// What it is fitted into; a side of 0: from the ratio, both: as large as it is.
Size mark_box(const url::Watermark& mark, Size frame) noexcept;
// By so much a shadow makes its canvas larger on each side.
int shadow_margin(const url::Watermark& mark) noexcept;

// Of a text: what is more is refused, so that the plan holds. A megapixel, or the box.
double text_pixels_max(const PlanInput& in, Size frame) noexcept;

// Its decoder, itself where it is made whole, and what its shadow reads; not the part that is seen,
// which is one of the step's copies.
double mark_bytes(const PlanInput& in, Size frame) noexcept;
// CPU time of making it, once for all frames.
double mark_ns(const PlanInput& in, Size frame) noexcept;

}  // namespace imgring::pipeline
