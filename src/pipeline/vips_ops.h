// The libvips operations the steps are made of: an image in, an owned image out, the vips text in
// the error.
// Owns nothing. Helper threads only.
#pragma once

#include "imgring/image/stop.h"
#include "imgring/image/vips_image.h"
#include "imgring/pipeline/plan.h"
#include "imgring/url/processing_options.h"

namespace imgring::pipeline::vips {

using image::VipsImagePtr;

// Calls `Function`(in, &out, args..., NULL); every libvips operation with one image in has this
// shape.
template <auto Function, class... Args>
Result<VipsImagePtr> call(const char* what, VipsImage* in, Args... args) {
  VipsImage* out = nullptr;
  if (Function(in, &out, args..., nullptr) != 0) {
    if (out != nullptr) g_object_unref(out);
    return std::unexpected(image::vips_failure(what));
  }
  return VipsImagePtr(out);
}

// Another owner of the same image.
VipsImagePtr share(VipsImage* image) noexcept;
// An image of the caller's own, whose metadata may be changed.
Result<VipsImagePtr> copy(VipsImage* image);

bool has_alpha(VipsImage* image) noexcept;
Size size_of(VipsImage* image) noexcept;

Result<VipsImagePtr> cut(VipsImage* image, const Area& area);
Result<VipsImagePtr> cast(VipsImage* image, VipsBandFormat format);
Result<VipsImagePtr> with_alpha(VipsImage* image);  // as it is when it has alpha
Result<VipsImagePtr> bands(VipsImage* image, int first, int count);
Result<VipsImagePtr> join(VipsImage* first, VipsImage* second);
// Premultiplied and back in the band format it had.
Result<VipsImagePtr> premultiplied(VipsImage* image);
// Plain resize, alpha taken care of.
Result<VipsImagePtr> resize(VipsImage* image, double width_scale, double height_scale,
                            VipsKernel kernel);
// Transparent black around; negative positions cut.
Result<VipsImagePtr> on_canvas(VipsImage* image, Size canvas, Position at);
Result<VipsImagePtr> flatten(VipsImage* image, url::Color background);
// A still picture has none: then it is the same.
Result<VipsImagePtr> without_animation_fields(VipsImagePtr picture);
// Of a picture whose colours are not those of one palette any more.
Result<VipsImagePtr> without_palette(VipsImage* picture);

// kTimeout or kCancelled once the flag is set.
Result<void> check_stop(const image::StopFlag& stop);

}  // namespace imgring::pipeline::vips
