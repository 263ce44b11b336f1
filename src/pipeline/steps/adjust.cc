// Brightness, contrast and saturation.
#include <array>

#include "../row_function.h"
#include "filters.h"
#include "steps.h"

namespace imgring::pipeline::steps {
namespace {

using image::VipsImagePtr;

constexpr int kColours = 3;
using Table = std::array<std::uint8_t, 256>;

// Brightness first; nothing is cut off between both.
Table table_of(int brightness, double contrast) {
  constexpr double kMiddle = 127.5;
  Table table{};
  for (std::size_t v = 0; v < table.size(); ++v) {
    table[v] = to_sample(contrast * (static_cast<double>(v) + brightness - kMiddle) + kMiddle);
  }
  return table;
}

Result<VipsImagePtr> by_table(VipsImage* picture, const Table& table) {
  const int bands = vips_image_get_bands(picture);
  return mapped_rows(
      picture, [table, bands](const std::uint8_t* in, std::uint8_t* out, const RowPart& part) {
        for (int x = 0; x < part.count; ++x, in += bands, out += bands) {
          for (int band = 0; band < kColours; ++band) out[band] = table[in[band]];
          for (int band = kColours; band < bands; ++band) out[band] = in[band];
        }
      });
}

// Chroma of CIE LCh times the factor: a and b of Lab times it.
Result<VipsImagePtr> saturated(VipsImage* picture, double factor) {
  IMGRING_TRY(VipsImagePtr lab,
              vips::call<vips_colourspace>("saturation", picture, VIPS_INTERPRETATION_LAB));
  const int bands = vips_image_get_bands(lab.get());
  const std::array<double, 4> factors{1, factor, factor, 1}, nothing{};
  VipsImage* made = nullptr;
  if (vips_linear(lab.get(), &made, factors.data(), nothing.data(), bands, nullptr) != 0) {
    return std::unexpected(image::vips_failure("saturation"));
  }
  const VipsImagePtr strong(made);
  return vips::call<vips_colourspace>("saturation", strong.get(), VIPS_INTERPRETATION_sRGB);
}

}  // namespace

Result<VipsImagePtr> adjusted(VipsImagePtr picture, const url::PixelOptions& o) {
  if (o.brightness != 0 || o.contrast != 1) {
    IMGRING_TRY(picture, by_table(picture.get(), table_of(o.brightness, o.contrast)));
  }
  if (o.saturation == 1 || vips_image_get_bands(picture.get()) > kColours + 1) return picture;
  return saturated(picture.get(), o.saturation);
}

}  // namespace imgring::pipeline::steps
