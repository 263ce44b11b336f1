// Pictures like photographs, and how much two of them differ.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "render_helpers.h"

namespace imgring::pipeline::testing {

// Slopes, waves of several lengths and some grain; alpha with clear and covered regions and soft
// edges. `bands` 1 to 4.
inline std::vector<std::uint8_t> photo_pixels(Size size, int bands) {
  std::vector<std::uint8_t> pixels;
  std::uint32_t state = 1;
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      state = state * 1664525u + 1013904223u;
      const double grain = static_cast<double>(state >> 24) / 32.0;
      const double wide = 70 * std::sin(x / 61.0 + y / 83.0) + 30 * std::cos(x / 9.0 - y / 14.0);
      const double edge = (x - size.width / 3) * 2 > y ? 25 : -25;
      const double alpha = 127 + 300 * std::sin(x / 37.0) * std::cos(y / 29.0);
      for (int band = 0; band < bands; ++band) {
        const double shift = band == 0 ? 0 : band == 1 ? 20 : -25;
        double v = 120 + wide + edge + grain + shift * std::sin(y / 40.0);
        if (bands % 2 == 0 && band == bands - 1) v = alpha;
        pixels.push_back(static_cast<std::uint8_t>(std::clamp(v, 0.0, 255.0)));
      }
    }
  }
  return pixels;
}

inline VipsImagePtr picture_from(const std::vector<std::uint8_t>& pixels, Size size, int bands) {
  const VipsImagePtr raw = checked(vips_image_new_from_memory_copy(
      pixels.data(), pixels.size(), size.width, size.height, bands, VIPS_FORMAT_UCHAR));
  VipsImage* out = nullptr;
  vips_copy(raw.get(), &out, "interpretation",
            bands >= 3 ? VIPS_INTERPRETATION_sRGB : VIPS_INTERPRETATION_B_W, nullptr);
  return checked(out);
}

inline VipsImagePtr photo(Size size, int bands) {
  return picture_from(photo_pixels(size, bands), size, bands);
}

// All samples, colours times alpha where there is one: nobody sees the colour of what is clear.
inline std::vector<double> visible_samples(VipsImage* picture) {
  std::size_t size = 0;
  void* bytes = vips_image_write_to_memory(picture, &size);
  const auto* p = static_cast<const std::uint8_t*>(bytes);
  std::vector<double> samples(p, p + size);
  g_free(bytes);
  const auto bands = static_cast<std::size_t>(vips_image_get_bands(picture));
  for (std::size_t i = 0; bands % 2 == 0 && i < size; i += bands) {
    for (std::size_t band = 0; band + 1 < bands; ++band)
      samples[i + band] *= samples[i + bands - 1] / 255;
  }
  return samples;
}

// Decibels; 99 for the same samples.
inline double likeness(const std::vector<double>& a, const std::vector<double>& b) {
  EXPECT_EQ(a.size(), b.size());
  double sum = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum == 0 ? 99 : 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.size()) / sum);
}
inline double likeness(VipsImage* a, VipsImage* b) {
  return likeness(visible_samples(a), visible_samples(b));
}

}  // namespace imgring::pipeline::testing
