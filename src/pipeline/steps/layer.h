// A layer of one colour and a pixel, one over the other.
// Values; any thread.
#pragma once

#include <array>
#include <cstdint>

#include "../row_function.h"
#include "imgring/url/processing_options.h"

namespace imgring::pipeline::steps {

inline constexpr int kLayerColours = 3, kLayerBands = 4;

class Layer {
 public:
  Layer(const url::Color& color, double opacity) noexcept
      : color_{static_cast<double>(color.r), static_cast<double>(color.g),
               static_cast<double>(color.b)},
        opacity_(opacity) {}

  // The pixel's colours as far as the layer leaves them; `share` of its opacity.
  void mix(const std::uint8_t* in, std::uint8_t* out, double share = 1) const noexcept {
    const double o = opacity_ * share;
    for (int i = 0; i < kLayerColours; ++i) {
      out[i] = to_sample(in[i] + (color_[static_cast<std::size_t>(i)] - in[i]) * o);
    }
  }
  // The layer over a pixel with alpha.
  void over(const std::uint8_t* in, std::uint8_t* out, double share = 1) const noexcept {
    const double o = opacity_ * share, below = in[kLayerColours] / 255.0 * (1 - o);
    join(in, {.layer = o, .pixel = below}, out);
  }
  // A pixel with alpha over the layer.
  void under(const std::uint8_t* in, std::uint8_t* out) const noexcept {
    const double a = in[kLayerColours] / 255.0;
    join(in, {.layer = opacity_ * (1 - a), .pixel = a}, out);
  }

 private:
  struct Weights {
    double layer, pixel;
  };
  void join(const std::uint8_t* in, Weights w, std::uint8_t* out) const noexcept {
    const double alpha = w.layer + w.pixel;
    for (int i = 0; i < kLayerColours; ++i) {
      const double sum = color_[static_cast<std::size_t>(i)] * w.layer + in[i] * w.pixel;
      out[i] = alpha > 0 ? to_sample(sum / alpha) : in[i];
    }
    out[kLayerColours] = to_sample(alpha * 255);
  }

  std::array<double, kLayerColours> color_;
  double opacity_;
};

}  // namespace imgring::pipeline::steps
