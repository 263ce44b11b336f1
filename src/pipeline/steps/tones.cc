// Monochrome and duotone: a colour for each grey, mixed with the pixel.
// The grey of a pixel is that of its linear light, 0.2 R + 0.7 G + 0.1 B.
#include <array>
#include <cmath>

#include "../row_function.h"
#include "filters.h"
#include "steps.h"

namespace imgring::pipeline::steps {
namespace {

using image::VipsImagePtr;

constexpr int kColours = 3;

double linear_of(double sample) {
  const double v = sample / 255;
  return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
}

// Linear light to the nearest of 256 greys.
class Greys {
 public:
  Greys() {
    for (std::size_t v = 0; v < 256; ++v) {
      const double light = linear_of(static_cast<double>(v));
      weighted_[0][v] = 0.2 * light;
      weighted_[1][v] = 0.7 * light;
      weighted_[2][v] = 0.1 * light;
      begins_[v] = v == 0 ? 0 : linear_of(static_cast<double>(v) - 0.5);
    }
    begins_[256] = 2;
    std::uint16_t grey = 0;
    for (std::size_t i = 0; i < guesses_.size(); ++i) {
      while (begins_[grey + 1U] <= static_cast<double>(i) / kGuesses) ++grey;
      guesses_[i] = grey;
    }
  }

  std::uint8_t of(const std::uint8_t* rgb) const noexcept {
    const double light = weighted_[0][rgb[0]] + weighted_[1][rgb[1]] + weighted_[2][rgb[2]];
    std::size_t grey = guesses_[static_cast<std::size_t>(light * kGuesses)];
    while (begins_[grey + 1] <= light) ++grey;
    return static_cast<std::uint8_t>(grey);
  }

 private:
  static constexpr int kGuesses = 4096;
  std::array<std::array<double, 256>, kColours> weighted_;
  std::array<double, 257> begins_;                     // of each grey: the least light
  std::array<std::uint16_t, kGuesses + 1> guesses_{};  // the grey of that light, or a darker one
};

const Greys& greys() {
  static const Greys all;
  return all;
}

using Palette = std::array<std::array<double, kColours>, 256>;

std::array<double, kColours> values_of(const url::Color& color) {
  return {static_cast<double>(color.r), static_cast<double>(color.g), static_cast<double>(color.b)};
}

// Shades of the colour up to its own grey, tints above.
Palette palette_of(const url::Color& color) {
  const std::uint8_t rgb[] = {color.r, color.g, color.b};
  const double own = greys().of(rgb);
  const auto c = values_of(color);
  Palette palette{};
  for (std::size_t y = 0; y < palette.size(); ++y) {
    const auto grey = static_cast<double>(y);
    for (std::size_t band = 0; band < kColours; ++band) {
      const bool shade = grey <= own && own > 0;
      palette[y][band] =
          shade ? c[band] * grey / own : c[band] + (255 - c[band]) * (grey - own) / (255 - own);
    }
  }
  return palette;
}

Palette palette_of(const url::Duotone& tones) {
  const auto dark = values_of(tones.dark), light = values_of(tones.light);
  Palette palette{};
  for (std::size_t y = 0; y < palette.size(); ++y) {
    const double share = static_cast<double>(y) / 255;
    for (std::size_t band = 0; band < kColours; ++band) {
      palette[y][band] = dark[band] + (light[band] - dark[band]) * share;
    }
  }
  return palette;
}

Result<VipsImagePtr> mixed(VipsImage* picture, const Palette& palette, double intensity) {
  const int bands = vips_image_get_bands(picture);
  const Greys& grey = greys();
  return mapped_rows(picture, [palette, intensity, bands, &grey](
                                  const std::uint8_t* in, std::uint8_t* out, const RowPart& part) {
    for (int x = 0; x < part.count; ++x, in += bands, out += bands) {
      const auto& tone = palette[grey.of(in)];
      for (std::size_t band = 0; band < kColours; ++band) {
        out[band] = to_sample(in[band] + (tone[band] - in[band]) * intensity);
      }
      for (int band = kColours; band < bands; ++band) out[band] = in[band];
    }
  });
}

}  // namespace

Result<VipsImagePtr> toned(VipsImagePtr picture, const url::PixelOptions& o) {
  if (o.monochrome.intensity > 0) {
    IMGRING_TRY(picture,
                mixed(picture.get(), palette_of(o.monochrome.color), o.monochrome.intensity));
  }
  if (o.duotone.intensity == 0) return picture;
  return mixed(picture.get(), palette_of(o.duotone), o.duotone.intensity);
}

}  // namespace imgring::pipeline::steps
