// A watermark by itself: loaded or drawn, scaled, turned, with its shadow, cut to what is seen of
// it.
// Owns nothing. Helper threads only.
#pragma once

#include "mark_place.h"
#include "steps.h"

namespace imgring::pipeline::steps {

struct Mark {
  image::VipsImagePtr image;  // its shown part, not made yet; null: nothing is to be seen
  MarkPlace place{};
};
// The order of paid.md section 10: load, scale, EXIF, rotate, shadow.
Result<Mark> make_mark(const StepContext& context, Size frame);

}  // namespace imgring::pipeline::steps
