// Frames of an animation, pulled one by one into one picture in memory, top to bottom.
// Owns: that picture, until image() hands it out. Helper thread of the job.
// Promises: rows are pulled on this thread, the stop flag is looked at between strips.
#pragma once

#include "imgring/image/stop.h"
#include "imgring/image/vips_image.h"
#include "imgring/pipeline/plan.h"

namespace imgring::pipeline {

class FrameStack {
 public:
  explicit FrameStack(int frames) noexcept : frames_(frames) {}
  // Every frame must have the first one's size and pixel format.
  Result<void> append(VipsImage* frame, const image::StopFlag& stop);
  // The stacked picture with the first frame's metadata. Once, after all frames.
  image::VipsImagePtr image() noexcept { return std::move(stack_); }
  int frame_height() const noexcept { return frame_.height; }

 private:
  Result<void> begin(VipsImage* frame);

  int frames_, appended_ = 0;
  Size frame_;
  image::VipsImagePtr stack_;
};

}  // namespace imgring::pipeline
