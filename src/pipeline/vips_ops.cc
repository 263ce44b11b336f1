// Operations with several images or with rules of their own.
#include "vips_ops.h"

#include "imgring/image/colour.h"

namespace imgring::pipeline::vips {

VipsImagePtr share(VipsImage* image) noexcept {
  g_object_ref(image);
  return VipsImagePtr(image);
}

Result<VipsImagePtr> copy(VipsImage* image) { return call<vips_copy>("copy", image); }

bool has_alpha(VipsImage* image) noexcept { return vips_image_hasalpha(image) != 0; }

Size size_of(VipsImage* image) noexcept {
  return {vips_image_get_width(image), vips_image_get_height(image)};
}

Result<VipsImagePtr> cut(VipsImage* image, const Area& area) {
  return call<vips_extract_area>("crop", image, area.left, area.top, area.width, area.height);
}

Result<VipsImagePtr> cast(VipsImage* image, VipsBandFormat format) {
  return call<vips_cast>("cast", image, format);
}

Result<VipsImagePtr> with_alpha(VipsImage* image) {
  if (has_alpha(image)) return share(image);
  return call<vips_addalpha>("alpha", image);
}

Result<VipsImagePtr> bands(VipsImage* image, int first, int count) {
  return call<vips_extract_band>("bands", image, first, "n", count);
}

Result<VipsImagePtr> join(VipsImage* first, VipsImage* second) {
  VipsImage* out = nullptr;
  if (vips_bandjoin2(first, second, &out, nullptr) != 0)
    return std::unexpected(image::vips_failure("bands"));
  return VipsImagePtr(out);
}

Result<VipsImagePtr> premultiplied(VipsImage* image) {
  IMGRING_TRY(VipsImagePtr wide, call<vips_premultiply>("premultiply", image));
  return cast(wide.get(), vips_image_get_format(image));
}

Result<VipsImagePtr> resize(VipsImage* image, double width_scale, double height_scale,
                            VipsKernel kernel) {
  if (!has_alpha(image)) {
    return call<vips_resize>("resize", image, width_scale, "vscale", height_scale, "kernel",
                             kernel);
  }
  IMGRING_TRY(VipsImagePtr multiplied, premultiplied(image));
  IMGRING_TRY(VipsImagePtr small, call<vips_resize>("resize", multiplied.get(), width_scale,
                                                    "vscale", height_scale, "kernel", kernel));
  IMGRING_TRY(VipsImagePtr divided, call<vips_unpremultiply>("unpremultiply", small.get()));
  return cast(divided.get(), vips_image_get_format(image));
}

Result<VipsImagePtr> on_canvas(VipsImage* image, Size canvas, Position at) {
  IMGRING_TRY(VipsImagePtr clear, with_alpha(image));
  return call<vips_embed>("embed", clear.get(), at.left, at.top, canvas.width, canvas.height,
                          "extend", VIPS_EXTEND_BLACK);
}

namespace {

// One of the four interpretations a background can be given for; grey becomes colour on wish.
VipsInterpretation flattenable(VipsImage* image, bool colour) noexcept {
  const VipsInterpretation guessed = vips_image_guess_interpretation(image);
  if (guessed == VIPS_INTERPRETATION_B_W) return colour ? VIPS_INTERPRETATION_sRGB : guessed;
  if (guessed == VIPS_INTERPRETATION_GREY16) return colour ? VIPS_INTERPRETATION_RGB16 : guessed;
  if (guessed == VIPS_INTERPRETATION_sRGB || guessed == VIPS_INTERPRETATION_RGB16) return guessed;
  if (guessed == VIPS_INTERPRETATION_scRGB) return VIPS_INTERPRETATION_RGB16;
  const VipsBandFormat format = vips_image_get_format(image);
  const bool narrow = format == VIPS_FORMAT_UCHAR || format == VIPS_FORMAT_CHAR;
  return narrow ? VIPS_INTERPRETATION_sRGB : VIPS_INTERPRETATION_RGB16;
}

using ArrayPtr = std::unique_ptr<VipsArrayDouble, decltype([](VipsArrayDouble* p) {
                                   vips_area_unref(reinterpret_cast<VipsArea*>(p));
                                 })>;

}  // namespace

Result<VipsImagePtr> flatten(VipsImage* image, url::Color background) {
  if (!has_alpha(image)) return share(image);
  const bool colour = background.r != background.g || background.r != background.b;
  const VipsInterpretation space = flattenable(image, colour);
  VipsImagePtr flat = share(image);
  if (space != vips_image_guess_interpretation(image)) {
    // As imgproxy does: what the profile says of a grey is lost with the grey.
    IMGRING_TRY(VipsImagePtr converted, image::out_of_profile(image, space));
    flat = std::move(converted);
  }
  const double unit = image::pixel_depth(flat.get()) == 16 ? 257 : 1;
  const double values[] = {background.r * unit, background.g * unit, background.b * unit};
  const ArrayPtr array(vips_array_double_new(values, 3));
  return call<vips_flatten>("flatten", flat.get(), "background", array.get());
}

namespace {

constexpr const char* kAnimationFields[] = {"delay", "loop", VIPS_META_PAGE_HEIGHT,
                                            VIPS_META_N_PAGES};

}  // namespace

Result<VipsImagePtr> without_animation_fields(VipsImagePtr picture) {
  bool any = false;
  for (const char* field : kAnimationFields) {
    any = any || vips_image_get_typeof(picture.get(), field) != G_TYPE_INVALID;
  }
  if (!any) return picture;
  IMGRING_TRY(VipsImagePtr still, copy(picture.get()));
  for (const char* field : kAnimationFields) vips_image_remove(still.get(), field);
  return still;
}

Result<VipsImagePtr> without_palette(VipsImage* picture) {
  IMGRING_TRY(VipsImagePtr own, copy(picture));
  for (const char* field : {"palette", "palette-bit-depth"}) vips_image_remove(own.get(), field);
  return own;
}

Result<void> check_stop(const image::StopFlag& stop) {
  const image::StopReason reason = stop.reason();
  if (reason == image::StopReason::kNone) return {};
  if (reason == image::StopReason::kTimeout) return fail(ErrorCode::kTimeout, "out of time");
  return fail(ErrorCode::kCancelled, "nobody waits for the result");
}

}  // namespace imgring::pipeline::vips
