// Unsharp masking: v + (9 v - the sum of the nine pixels around it) * weight / divider, which is
// the mask of neighbours -w and centre d + 8w over d.
#include <algorithm>
#include <cstddef>

#include "../row_function.h"
#include "filters.h"
#include "imgring/image/encoder.h"
#include "steps.h"

namespace imgring::pipeline::steps {
namespace {

using image::VipsImagePtr;

// A picture in memory, whose pixels outside are those at its border.
struct Pixels {
  const std::uint8_t* first;
  std::size_t row_bytes;
  int width, height, bands, colours;

  const std::uint8_t* row(int y) const noexcept {
    return first + static_cast<std::size_t>(std::clamp(y, 0, height - 1)) * row_bytes;
  }
};

struct ThreeRows {
  const std::uint8_t *above, *here, *below;
  int sum(int at) const noexcept { return above[at] + here[at] + below[at]; }
};

// Samples of `part`, alpha included: that is put back by the caller.
void sharpen_row(const Pixels& p, double strength, const RowPart& part, std::uint8_t* out) {
  const ThreeRows rows{p.row(part.y - 1), p.row(part.y), p.row(part.y + 1)};
  constexpr double kCount = 9;
  const int last = (p.width - 1) * p.bands;
  for (int i = 0; i < part.count * p.bands; ++i) {
    const int at = part.left * p.bands + i;
    const int before = at < p.bands ? at : at - p.bands;
    const int behind = at >= last ? at : at + p.bands;
    const int around = rows.sum(before) + rows.sum(at) + rows.sum(behind);
    const double v = rows.here[at];
    out[i] = to_sample(v + (kCount * v - around) * strength);
  }
}

Result<VipsImagePtr> sharpened(VipsImage* memory, double strength, int colours) {
  const Size size = vips::size_of(memory);
  const int bands = vips_image_get_bands(memory);
  const Pixels pixels{static_cast<const std::uint8_t*>(vips_image_get_data(memory)),
                      static_cast<std::size_t>(size.width) * static_cast<std::size_t>(bands),
                      size.width,
                      size.height,
                      bands,
                      colours};
  return mapped_rows(
      memory, [pixels, strength](const std::uint8_t* in, std::uint8_t* out, const RowPart& part) {
        sharpen_row(pixels, strength, part, out);
        for (int x = 0; x < part.count; ++x) {
          for (int band = pixels.colours; band < pixels.bands; ++band) {
            out[x * pixels.bands + band] = in[x * pixels.bands + band];
          }
        }
      });
}

}  // namespace

Result<VipsImagePtr> unsharp_masked(VipsImagePtr picture, const url::Unsharp& options,
                                    const image::StopFlag& stop) {
  const bool alpha = vips::has_alpha(picture.get());
  const double strength = options.weight / options.divider;
  if (alpha) {
    IMGRING_TRY(picture, vips::premultiplied(picture.get()));
  }
  IMGRING_TRY(VipsImagePtr memory, image::copy_to_memory(picture.get(), stop));
  const int bands = vips_image_get_bands(memory.get());
  IMGRING_TRY(VipsImagePtr sharp, sharpened(memory.get(), strength, alpha ? bands - 1 : bands));
  if (!alpha) return sharp;
  IMGRING_TRY(VipsImagePtr straight, vips::call<vips_unpremultiply>("unsharp", sharp.get()));
  IMGRING_TRY(VipsImagePtr whole,
              vips::call<vips_round>("unsharp", straight.get(), VIPS_OPERATION_ROUND_RINT));
  return vips::cast(whole.get(), VIPS_FORMAT_UCHAR);
}

}  // namespace imgring::pipeline::steps
