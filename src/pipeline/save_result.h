// From the finished picture to bytes: final format, quality, the way down to max_bytes, and the
// qualities and formats that are found by trying.
// Owns nothing. Helper threads only.
#pragma once

#include "imgring/base/clock.h"
#include "imgring/image/encoder.h"
#include "imgring/pipeline/plan.h"
#include "imgring/pipeline/render.h"

namespace imgring::pipeline {

struct Saved {
  Bytes bytes;
  ImageType type = ImageType::kUnknown;
};
// What saving is given beside the picture.
struct SaveContext {
  const PlanInput& input;
  const RenderTime& time;
  const image::StopFlag& stop;
};

// Of trials that take long: whether one more fits. Without a clock all do.
class TrialClock {
 public:
  explicit TrialClock(const RenderTime& time) noexcept;
  // A trial has ended.
  void mark() noexcept;
  // Whether another that takes half as long again as the longest would still be in time.
  bool time_for_another() const noexcept;
  // Of the time that was left at the beginning.
  bool past_half() const noexcept;

 private:
  const RenderTime& time_;
  TimeSource::Time begin_, last_;
  TimeSource::Duration longest_{};
};

// The result keeps the source's profile, and with it the colours as they are.
bool keeps_profile(const PlanInput& input) noexcept;
// Metadata of the result, on a header that the caller owns alone. The orientation tag goes always,
// as imgproxy documents it.
void set_metadata(VipsImage* own, const PlanInput& input);
// The picture with the result's colours and metadata.
Result<image::VipsImagePtr> finalised(VipsImage* picture, const PlanInput& input);
image::SaveParams save_params(ImageType type, const PlanInput& input);
Result<Saved> save_result(image::VipsImagePtr picture, const SaveContext& context);
// A picture in memory in this format: at the quality that autoquality finds, then within max_bytes.
Result<Saved> save_as(VipsImage* memory, ImageType type, const image::SaveParams& params,
                      const SaveContext& context);

}  // namespace imgring::pipeline
