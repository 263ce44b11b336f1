// Where parts of the source lie in what the steps of a plan have made of it.
// Plain functions over values; any thread.
#pragma once

#include <vector>

#include "imgring/pipeline/plan.h"

namespace imgring::pipeline {

// What trim left of a picture, in its pixels; width 0: nothing was cut.
struct TrimmedFrom {
  Size whole;
  Position at;
};

// The field of a picture in which trim leaves it: width and height, then left and top.
inline constexpr const char* kTrimmedField = "imgring-trimmed";

// The areas' pixels before step `index` of the plan, rounded outwards and cut to the picture; those
// that lie outside of it are left out. Areas are parts of the source as its metadata turns it,
// before trim.
std::vector<Area> areas_before(const Plan& plan, std::size_t index,
                               const url::PixelOptions& options, const TrimmedFrom& trimmed,
                               const std::vector<url::RelativeArea>& areas);

}  // namespace imgring::pipeline
