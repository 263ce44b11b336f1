// Frames of an animation, pulled one by one into one picture in memory, top to bottom.
// Owns: the pixels, until image() hands them to an image that frees them. Helper thread of the job.
// Promises: rows are pulled on this thread, the stop flag is looked at between strips.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "imgring/image/stop.h"
#include "imgring/image/vips_image.h"

namespace imgring::pipeline {

class FrameStack {
 public:
  explicit FrameStack(int frames) noexcept : frames_(frames) {}
  // Every frame must have the first one's size and pixel format.
  Result<void> append(VipsImage* frame, const image::StopFlag& stop);
  // The stacked picture with the first frame's metadata. Once, after all frames.
  Result<image::VipsImagePtr> image();
  int frame_height() const noexcept { return height_; }

 private:
  Result<void> begin(VipsImage* frame);

  struct FreePixels {
    void operator()(std::uint8_t* p) const noexcept { std::free(p); }
  };
  using Pixels = std::unique_ptr<std::uint8_t, FreePixels>;

  int frames_, appended_ = 0;
  int width_ = 0, height_ = 0, bands_ = 0;
  VipsBandFormat format_ = VIPS_FORMAT_UCHAR;
  std::size_t row_bytes_ = 0;
  Pixels pixels_;
  image::VipsImagePtr first_;
};

}  // namespace imgring::pipeline
