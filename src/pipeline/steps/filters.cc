// Unsharp masking, colours, blur, sharpen, pixelate, in 8-bit sRGB: one conversion, and one copy in
// memory, where a filter looks at pixels around a pixel.
// Promises: the stop flag is looked at often, whatever the sigma: each pass of a blur reads memory.
#include "filters.h"

#include <algorithm>

#include "../row_function.h"
#include "../step_rows.h"
#include "imgring/image/colour.h"
#include "imgring/image/encoder.h"
#include "steps.h"

namespace imgring::pipeline::steps {
namespace {

using image::VipsImagePtr;

// Mean colour of n x n squares; what sticks out at the right and bottom is filled by mirroring.
Result<VipsImagePtr> pixelate(VipsImagePtr picture, int wanted) {
  const Size size = vips::size_of(picture.get());
  const int n = std::min(wanted, std::max(size.width, size.height));
  if (n <= 1) return picture;
  const auto rounded_up = [n](int side) { return (side + n - 1) / n * n; };
  const Size whole{rounded_up(size.width), rounded_up(size.height)};
  if (whole != size) {
    IMGRING_TRY(VipsImagePtr filled,
                vips::call<vips_embed>("pixelate", picture.get(), 0, 0, whole.width, whole.height,
                                       "extend", VIPS_EXTEND_MIRROR));
    picture = std::move(filled);
  }
  IMGRING_TRY(VipsImagePtr means,
              vips::call<vips_shrink>("pixelate", picture.get(), static_cast<double>(n),
                                      static_cast<double>(n)));
  IMGRING_TRY(VipsImagePtr squares, vips::call<vips_zoom>("pixelate", means.get(), n, n));
  if (whole == size) return squares;
  return vips::cut(squares.get(), {0, 0, size.width, size.height});
}

// The largest sigma that a sharpening of this libvips takes: 8.16 ends at 10, and what is above it
// would be replaced by the default.
double sharpest() noexcept {
  static const double kMax = [] {
    auto* const type =
        static_cast<GObjectClass*>(g_type_class_ref(vips_type_find("VipsOperation", "sharpen")));
    if (type == nullptr) return kSharpenSigmaMax;
    const GParamSpec* sigma = g_object_class_find_property(type, "sigma");
    const double max =
        G_IS_PARAM_SPEC_DOUBLE(sigma) ? G_PARAM_SPEC_DOUBLE(sigma)->maximum : kSharpenSigmaMax;
    g_type_class_unref(type);
    return max;
  }();
  return std::min(kMax, kSharpenSigmaMax);
}

// Blur and sharpen work on colours that their alpha is multiplied into.
bool multiplies(const url::PixelOptions& o, VipsImage* picture) noexcept {
  return (o.blur > 0 || o.sharpen > 0) && vips::has_alpha(picture);
}

// Unsharp masking and what changes colours alone.
Result<VipsImagePtr> coloured(VipsImagePtr work, const StepContext& context, const Step& step) {
  const url::PixelOptions& o = context.input.pixels();
  if (!step.unsharp && !filters_change_colours(o)) return work;
  IMGRING_TRY(work, eight_bit_srgb(work.get()));
  if (step.unsharp) {
    IMGRING_TRY(work, unsharp_masked(std::move(work), o.unsharp, context.stop));
  }
  IMGRING_TRY(work, adjusted(std::move(work), o));
  IMGRING_TRY(work, toned(std::move(work), o));
  // Sharpening reads the rows around each strip once more.
  return o.sharpen > 0 || o.blur > 0 ? image::copy_to_memory(work.get(), context.stop)
                                     : std::move(work);
}

}  // namespace

Result<VipsImagePtr> filters(VipsImage* picture, const StepContext& context, const Step& step) {
  const url::PixelOptions& o = context.input.pixels();
  VipsImagePtr memory = vips::share(picture);
  if (filters_hold_copies(o, step)) {
    IMGRING_TRY(memory, image::copy_to_memory(picture, context.stop));
  }
  IMGRING_TRY(VipsImagePtr srgb, image::to_interpretation(memory.get(), VIPS_INTERPRETATION_sRGB));
  IMGRING_TRY(VipsImagePtr work, coloured(std::move(srgb), context, step));
  const VipsInterpretation space = vips_image_get_interpretation(work.get());
  const VipsBandFormat format = vips_image_get_format(work.get());
  const bool multiplied = multiplies(o, work.get());
  if (multiplied) {
    IMGRING_TRY(VipsImagePtr out, vips::premultiplied(work.get()));
    work = std::move(out);
  }
  if (o.blur > 0) {
    IMGRING_TRY(VipsImagePtr out, blurred(work.get(), o.blur, context.stop));
    work = std::move(out);
  }
  if (o.sharpen > 0) {
    if (o.blur > 0) {
      IMGRING_TRY(VipsImagePtr soft, image::copy_to_memory(work.get(), context.stop));
      work = std::move(soft);
    }
    IMGRING_TRY(VipsImagePtr out,
                vips::call<vips_sharpen>("sharpen", work.get(), "sigma",
                                         std::clamp(o.sharpen, 1e-6, sharpest())));
    work = std::move(out);
  }
  IMGRING_TRY(VipsImagePtr squared, pixelate(std::move(work), o.pixelate));
  work = std::move(squared);
  if (multiplied) {
    IMGRING_TRY(VipsImagePtr out, vips::call<vips_unpremultiply>("filters", work.get()));
    work = std::move(out);
  }
  IMGRING_TRY(VipsImagePtr back, image::to_interpretation(work.get(), space));
  return vips::cast(back.get(), format);
}

}  // namespace imgring::pipeline::steps
