// A background that is there in part: under what is transparent, or mixed with white where the
// result can't be transparent.
#include "layer.h"
#include "steps.h"

namespace imgring::pipeline::steps {
namespace {

using image::VipsImagePtr;

std::uint8_t over_white(std::uint8_t value, double alpha) noexcept {
  return to_sample(value * alpha + 255 * (1 - alpha));
}

}  // namespace

Result<VipsImagePtr> background(VipsImage* picture, const StepContext& context, const Step&) {
  if (!vips::has_alpha(picture)) return vips::share(picture);
  const url::PixelOptions& o = context.input.pixels();
  const url::Color c = o.background.value_or(url::Color{});
  const double alpha = o.background_alpha;
  if (context.input.last() && !facts_of(context.input.result_type).alpha) {
    return vips::flatten(picture,
                         {over_white(c.r, alpha), over_white(c.g, alpha), over_white(c.b, alpha)});
  }
  IMGRING_TRY(VipsImagePtr work, eight_bit_srgb(picture));
  const Layer layer(c, alpha);
  const int bands = vips_image_get_bands(work.get());
  if (bands != kLayerBands) return work;
  return mapped_rows(work.get(),
                     [layer](const std::uint8_t* in, std::uint8_t* out, const RowPart& part) {
                       for (int x = 0; x < part.count; ++x, in += kLayerBands, out += kLayerBands) {
                         layer.under(in, out);
                       }
                     });
}

}  // namespace imgring::pipeline::steps
