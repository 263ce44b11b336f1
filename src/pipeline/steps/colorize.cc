// One colour over the picture.
#include "layer.h"
#include "steps.h"

namespace imgring::pipeline::steps {

Result<image::VipsImagePtr> colorize(VipsImage* picture, const StepContext& context, const Step&) {
  const url::Colorize& o = context.input.pixels().colorize;
  IMGRING_TRY(image::VipsImagePtr work, eight_bit_srgb(picture));
  const Layer layer(o.color, o.opacity);
  const int bands = vips_image_get_bands(work.get());
  const bool over = bands == kLayerBands && !o.keep_alpha;
  return mapped_rows(work.get(), [layer, bands, over](const std::uint8_t* in, std::uint8_t* out,
                                                      const RowPart& part) {
    for (int x = 0; x < part.count; ++x, in += bands, out += bands) {
      if (over) {
        layer.over(in, out);
      } else {
        layer.mix(in, out);
        for (int band = kLayerColours; band < bands; ++band) out[band] = in[band];
      }
    }
  });
}

}  // namespace imgring::pipeline::steps
