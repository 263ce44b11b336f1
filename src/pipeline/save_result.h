// From the finished picture to bytes: final format, quality, the way down to max_bytes.
// Owns nothing. Helper threads only.
#pragma once

#include "imgring/image/encoder.h"
#include "imgring/pipeline/plan.h"

namespace imgring::pipeline {

struct Saved {
  Bytes bytes;
  ImageType type = ImageType::kUnknown;
};
image::SaveParams save_params(ImageType type, const PlanInput& input);
Result<Saved> save_result(image::VipsImagePtr picture, const PlanInput& input,
                          const image::StopFlag& stop);

}  // namespace imgring::pipeline
