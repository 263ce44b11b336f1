// The blur that the filters and the blurs of parts share.
// Promises: the stop flag is looked at often, whatever the sigma: each pass reads memory.
#include <algorithm>

#include "../step_rows.h"
#include "filters.h"
#include "imgring/image/encoder.h"
#include "steps.h"

namespace imgring::pipeline::steps {

using image::VipsImagePtr;

Result<VipsImagePtr> blurred(VipsImage* picture, double sigma, const image::StopFlag& stop) {
  constexpr double kLeastWeight = 0.2;  // libvips' own
  if (sigma < kBlurSigmaMin) return vips::share(picture);
  VipsImage* made = nullptr;
  if (vips_gaussmat(&made, std::min(sigma, kBlurSigmaMax), kLeastWeight, "separable", TRUE,
                    "precision", VIPS_PRECISION_INTEGER, nullptr) != 0) {
    return std::unexpected(image::vips_failure("blur"));
  }
  const VipsImagePtr row(made);
  IMGRING_TRY(VipsImagePtr column, vips::call<vips_rot>("blur", row.get(), VIPS_ANGLE_D90));
  IMGRING_TRY(VipsImagePtr across, vips::call<vips_conv>("blur", picture, row.get(), "precision",
                                                         VIPS_PRECISION_INTEGER));
  IMGRING_TRY(VipsImagePtr memory, image::copy_to_memory(across.get(), stop));
  return vips::call<vips_conv>("blur", memory.get(), column.get(), "precision",
                               VIPS_PRECISION_INTEGER);
}

Result<VipsImagePtr> blurred_straight(VipsImage* picture, double sigma,
                                      const image::StopFlag& stop) {
  VipsImagePtr work = vips::share(picture);
  const bool alpha = vips::has_alpha(picture);
  if (alpha) {
    IMGRING_TRY(work, vips::premultiplied(picture));
  }
  IMGRING_TRY(work, blurred(work.get(), sigma, stop));
  if (alpha) {
    IMGRING_TRY(VipsImagePtr straight, vips::call<vips_unpremultiply>("blur", work.get()));
    IMGRING_TRY(work, vips::cast(straight.get(), vips_image_get_format(picture)));
  }
  return image::copy_to_memory(work.get(), stop);
}

}  // namespace imgring::pipeline::steps
