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
// The result keeps the source's profile, and with it the colours as they are.
bool keeps_profile(const PlanInput& input) noexcept;
// Colour and metadata of the result. The orientation tag goes always, as imgproxy documents it.
Result<image::VipsImagePtr> finalised(VipsImage* picture, const PlanInput& input);
image::SaveParams save_params(ImageType type, const PlanInput& input);
Result<Saved> save_result(image::VipsImagePtr picture, const PlanInput& input,
                          const image::StopFlag& stop);

}  // namespace imgring::pipeline
