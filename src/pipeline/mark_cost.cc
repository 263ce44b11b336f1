// Sizes as the watermark's own run will find them, bounded as that bounds them.
#include "mark_cost.h"

#include <algorithm>
#include <cmath>

#include "imgring/pipeline/render.h"
#include "step_rows.h"
#include "steps/mark_place.h"

namespace imgring::pipeline {
namespace {

constexpr double kMarkBytesPerPixel = 4;

// A mark of which nothing is known.
constexpr double kUnknownMarkPixels = 50e6;
// A child that draws texts: itself, as for SVGs (estimate.cc).
constexpr double kTextChildBytes = 32 << 20;

double product(double a, double b) noexcept { return a * b; }

// Pixels of the mark in its frame, before its turn.
double made_pixels(const PlanInput& in, Size frame) noexcept {
  if (in.pixels().watermark.written()) return text_pixels_max(in, frame);
  const AuxImage& image = *in.mark();
  const Size box = mark_box(in.pixels().watermark, frame);
  const auto most = static_cast<double>(in.options->max_src_resolution);
  double width = box.width, height = box.height;
  if (image.width > 0 && image.height > 0) {
    const double across = width / image.width, down = height / image.height;
    double scale = std::min(across, down);
    if (width <= 0 || height <= 0) scale = std::max(across, down);
    if (scale <= 0) scale = 1;
    width = image.width * scale;
    height = image.height * scale;
  }
  double pixels = product(width, height);
  if (pixels <= 0) pixels = most > 0 ? most : kUnknownMarkPixels;
  return most > 0 ? std::min(pixels, most) : pixels;
}

// What a shadow reads: the part that is seen, and the margin around it.
double shaded_pixels(const url::Watermark& mark, Size frame) noexcept {
  const double margin = shadow_margin(mark);
  return mark.shadow > 0 ? product(frame.width + 2 * margin, frame.height + 2 * margin) : 0;
}

}  // namespace

Size mark_box(const url::Watermark& mark, Size frame) noexcept {
  if (mark.scale <= 0) return {mark.width, mark.height};
  const auto side = [&mark](int of) {
    return std::clamp(scaled_even(of, mark.scale), 1, steps::kMarkSideMax);
  };
  return {side(frame.width), side(frame.height)};
}

int shadow_margin(const url::Watermark& mark) noexcept {
  constexpr double kReach = 3;  // sigmas
  return static_cast<int>(std::ceil(kReach * mark.shadow));
}

double text_pixels_max(const PlanInput& in, Size frame) noexcept {
  constexpr double kMegapixel = 1e6;
  const Size box = mark_box(in.pixels().watermark, frame);
  const double pixels = std::max(kMegapixel, product(box.width, box.height));
  const auto most = static_cast<double>(in.options->max_src_resolution);
  return most > 0 ? std::min(pixels, most) : pixels;
}

double mark_bytes(const PlanInput& in, Size frame) noexcept {
  const url::Watermark& mark = in.pixels().watermark;
  // Drawn in a child, taken over, and turned or made smaller.
  constexpr double kTextBytes = 3 * kMarkBytesPerPixel;
  // Pixels, before a turn as well, and two stages of their alpha.
  const double shaded_bytes =
      shaded_pixels(mark, frame) * (kMarkBytesPerPixel * (mark.rotate != 0 ? 2 : 1) + 2);
  if (mark.written()) {
    return kTextChildBytes + text_pixels_max(in, frame) * kTextBytes + shaded_bytes;
  }
  if (in.mark() == nullptr) return 0;
  const ImageType type = in.mark()->type;
  const double pixels = made_pixels(in, frame);
  double bytes = static_cast<double>(in.mark()->decode_bytes);
  if (facts_of(type).vector) bytes += pixels * drawn_bytes_per_pixel(type);
  if (mark.whole()) bytes += pixels * kMarkBytesPerPixel;
  return bytes + shaded_bytes;
}

double mark_ns(const PlanInput& in, Size frame) noexcept {
  const url::Watermark& mark = in.pixels().watermark;
  constexpr double kTurnNs = 40, kMakeNs = 10;  // by any angle; scaled into memory
  constexpr double kTextNs = 5e6;               // laid out and drawn twice, in a child
  if (!mark.written() && in.mark() == nullptr) return 0;
  double ns = mark.written() ? kTextNs : in.mark()->decode_ns;
  if (mark.whole()) ns += kMakeNs * made_pixels(in, frame);
  if (mark.rotate != 0) ns += kTurnNs * product(frame.width, frame.height);
  return ns + shaded_pixels(mark, frame) * blur_ns(mark.shadow);
}

}  // namespace imgring::pipeline
