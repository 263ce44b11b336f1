// A colour that grows over the picture.
#include "layer.h"
#include "ramp.h"
#include "steps.h"

namespace imgring::pipeline::steps {

Result<image::VipsImagePtr> gradient(VipsImage* picture, const StepContext& context, const Step&) {
  const url::Gradient& o = context.input.pixels().gradient;
  IMGRING_TRY(image::VipsImagePtr work, eight_bit_srgb(picture));
  const Layer layer(o.color, o.opacity);
  const RampOver ramp(o.ramp, vips::size_of(work.get()));
  const int bands = vips_image_get_bands(work.get());
  return mapped_rows(work.get(), [layer, ramp, bands](const std::uint8_t* in, std::uint8_t* out,
                                                      const RowPart& part) {
    for (int x = 0; x < part.count; ++x, in += bands, out += bands) {
      const double share = ramp.at(part.left + x, part.y);
      if (bands == kLayerBands) {
        layer.over(in, out, share);
      } else {
        layer.mix(in, out, share);
        for (int band = kLayerColours; band < bands; ++band) out[band] = in[band];
      }
    }
  });
}

}  // namespace imgring::pipeline::steps
