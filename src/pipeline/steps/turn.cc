// Rotations and flips, on a copy in memory: EXIF's first, then the options'.
#include "imgring/image/encoder.h"
#include "steps.h"

namespace imgring::pipeline::steps {
namespace {

using image::VipsImagePtr;

Result<VipsImagePtr> rotate(VipsImagePtr picture, int angle) {
  const int quarter = angle / 90 % 4;
  if (quarter == 0) return picture;
  return vips::call<vips_rot>("rotate", picture.get(), static_cast<VipsAngle>(quarter));
}

Result<VipsImagePtr> flip(VipsImagePtr picture, bool wanted, VipsDirection direction) {
  if (!wanted) return picture;
  return vips::call<vips_flip>("flip", picture.get(), direction);
}

}  // namespace

Result<VipsImagePtr> turn(VipsImage* picture, const StepContext& context, const Step&) {
  const url::PixelOptions& o = context.input.pixels();
  const Turn& exif = context.plan.turn;
  IMGRING_TRY(VipsImagePtr memory, image::copy_to_memory(picture, context.stop));
  IMGRING_TRY(VipsImagePtr upright, rotate(std::move(memory), exif.angle));
  IMGRING_TRY(VipsImagePtr straight,
              flip(std::move(upright), exif.flip, VIPS_DIRECTION_HORIZONTAL));
  IMGRING_TRY(VipsImagePtr rotated, rotate(std::move(straight), o.rotate));
  IMGRING_TRY(VipsImagePtr flipped,
              flip(std::move(rotated), o.flip_horizontal, VIPS_DIRECTION_HORIZONTAL));
  return flip(std::move(flipped), o.flip_vertical, VIPS_DIRECTION_VERTICAL);
}

}  // namespace imgring::pipeline::steps
