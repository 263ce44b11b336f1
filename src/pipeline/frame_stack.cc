// Strips of each frame are copied to their place in one memory image.
#include "frame_stack.h"

#include <algorithm>

#include "vips_ops.h"

namespace imgring::pipeline {

Result<void> FrameStack::begin(VipsImage* frame) {
  frame_ = vips::size_of(frame);
  if (std::int64_t{frame_.height} * frames_ > VIPS_MAX_COORD)
    return fail(ErrorCode::kResolutionTooLarge,
                "animation is too tall: " + std::to_string(frames_) + " frames of " +
                    std::to_string(frame_.height) + " rows, libvips has " +
                    std::to_string(VIPS_MAX_COORD) +
                    " at most; lower "
                    "IMGPROXY_MAX_ANIMATION_FRAMES");
  stack_.reset(vips_image_new_memory());
  if (stack_ == nullptr ||
      vips_image_pipelinev(stack_.get(), VIPS_DEMAND_STYLE_ANY, frame, nullptr) != 0) {
    return std::unexpected(image::vips_failure("frames"));
  }
  stack_->Ysize = frame_.height * frames_;
  if (vips_image_write_prepare(stack_.get()) != 0)
    return fail(ErrorCode::kOverloaded, "no memory for the frames: " + image::take_vips_error());
  vips_image_remove(stack_.get(), "vips-sequential");
  return {};
}

Result<void> FrameStack::append(VipsImage* frame, const image::StopFlag& stop) {
  constexpr int kStripRows = 16;
  if (appended_ == 0) IMGRING_TRY_VOID(begin(frame));
  const bool alike = vips::size_of(frame) == frame_ &&
                     VIPS_IMAGE_SIZEOF_LINE(frame) == VIPS_IMAGE_SIZEOF_LINE(stack_.get());
  if (!alike || appended_ == frames_) return fail(ErrorCode::kInternal, "frames differ");
  const image::VipsRegionPtr region(vips_region_new(frame));
  if (region == nullptr) return std::unexpected(image::vips_failure("frame"));
  const int top = appended_ * frame_.height;
  for (int y = 0; y < frame_.height; y += kStripRows) {
    IMGRING_TRY_VOID(vips::check_stop(stop));
    const VipsRect strip{0, y, frame_.width, std::min(kStripRows, frame_.height - y)};
    if (vips_region_prepare(region.get(), &strip) != 0)
      return std::unexpected(image::vips_failure("frame"));
    for (int row = y; row < y + strip.height; ++row) {
      if (vips_image_write_line(stack_.get(), top + row, VIPS_REGION_ADDR(region.get(), 0, row)) !=
          0) {
        return std::unexpected(image::vips_failure("frame"));
      }
    }
  }
  ++appended_;
  return {};
}

}  // namespace imgring::pipeline
