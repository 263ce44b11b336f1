// A blur that grows along a direction: eight blurs, each weaker than the next, and the picture
// itself; a pixel is mixed from the two nearest. Only the strip of the picture that two of them
// share is blurred by them.
// Promises: where the way has not begun no byte changes.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "../row_function.h"
#include "../step_rows.h"
#include "filters.h"
#include "imgring/image/encoder.h"
#include "ramp.h"
#include "steps.h"

namespace imgring::pipeline::steps {
namespace {

using image::VipsImagePtr;

constexpr int kLevels = 8;

// What of the picture lies between two levels; empty: nothing.
Area strip_of(const RampOver& ramp, Size frame, double from, double to) noexcept {
  int left = frame.width, right = 0, top = frame.height, bottom = 0;
  for (int y = 0; y < frame.height; ++y) {
    const RampOver::Columns columns = ramp.columns(y, from, to);
    if (columns.first >= columns.end) continue;
    left = std::min(left, columns.first);
    right = std::max(right, columns.end);
    top = std::min(top, y);
    bottom = y + 1;
  }
  if (left >= right) return {};
  return {left, top, right - left, bottom - top};
}

struct Blurring {
  VipsImage* source;  // in memory, straight
  double sigma;
  const image::StopFlag& stop;
};

// The area at one level, in memory.
Result<VipsImagePtr> at_level(const Blurring& b, const Area& area, int level) {
  const double sigma = b.sigma * level / kLevels;
  if (level == 0) {
    IMGRING_TRY(VipsImagePtr same, vips::cut(b.source, area));
    return image::copy_to_memory(same.get(), b.stop);
  }
  constexpr double kReach = 3;
  const Size frame = vips::size_of(b.source);
  const int by = static_cast<int>(std::ceil(kReach * sigma));
  const int left = std::max(0, area.left - by), top = std::max(0, area.top - by);
  const Area wide{left, top, std::min(frame.width, area.left + area.width + by) - left,
                  std::min(frame.height, area.top + area.height + by) - top};
  IMGRING_TRY(VipsImagePtr read, vips::cut(b.source, wide));
  IMGRING_TRY(VipsImagePtr soft, blurred_straight(read.get(), sigma, b.stop));
  IMGRING_TRY(VipsImagePtr part,
              vips::cut(soft.get(), {area.left - left, area.top - top, area.width, area.height}));
  return image::copy_to_memory(part.get(), b.stop);
}

// Straight colours weighed by their alpha.
void mix(const std::uint8_t* a, const std::uint8_t* b, double share, int bands,
         std::uint8_t* out) noexcept {
  constexpr int kColours = 3;
  const bool alpha = bands > kColours;
  const double wa = (1 - share) * (alpha ? a[kColours] : 1.0);
  const double wb = share * (alpha ? b[kColours] : 1.0);
  const double sum = wa + wb;
  for (int i = 0; i < kColours; ++i) {
    out[i] = sum > 0 ? to_sample((a[i] * wa + b[i] * wb) / sum) : 0;
  }
  if (alpha) out[kColours] = to_sample(sum);
}

// A part of the picture at one level, in memory.
struct Level {
  VipsImagePtr image;
  Area area;
};

Area both(const Area& a, const Area& b) noexcept {
  if (a.width == 0) return b;
  if (b.width == 0) return a;
  const int left = std::min(a.left, b.left), top = std::min(a.top, b.top);
  return {left, top, std::max(a.left + a.width, b.left + b.width) - left,
          std::max(a.top + a.height, b.top + b.height) - top};
}

std::uint8_t* pixel_of(VipsImage* picture, int bands, int x, int y) noexcept {
  const auto across = static_cast<std::size_t>(vips_image_get_width(picture));
  const std::size_t index = static_cast<std::size_t>(y) * across + static_cast<std::size_t>(x);
  return static_cast<std::uint8_t*>(const_cast<void*>(vips_image_get_data(picture))) +
         index * static_cast<std::size_t>(bands);
}

// Of the pixels between two levels.
Result<void> mix_strip(const RampOver& ramp, int level, const Level& weak, const Level& strong,
                       VipsImage* result, const image::StopFlag& stop) {
  const double from = static_cast<double>(level - 1) / kLevels;
  const double to = static_cast<double>(level) / kLevels;
  const int bands = vips_image_get_bands(result);
  for (int y = 0; y < vips_image_get_height(result); ++y) {
    IMGRING_TRY_VOID(vips::check_stop(stop));
    const RampOver::Columns columns = ramp.columns(y, from, to);
    for (int x = columns.first; x < columns.end; ++x) {
      const double share = ramp.at(x, y) * kLevels - (level - 1);
      mix(pixel_of(weak.image.get(), bands, x - weak.area.left, y - weak.area.top),
          pixel_of(strong.image.get(), bands, x - strong.area.left, y - strong.area.top), share,
          bands, pixel_of(result, bands, x, y));
    }
  }
  return {};
}

Result<void> blur_all(const Blurring& b, const RampOver& ramp, VipsImage* result) {
  const Size frame = vips::size_of(b.source);
  const auto strip = [&](int level) {
    if (level > kLevels) return Area{};
    return strip_of(ramp, frame, static_cast<double>(level - 1) / kLevels,
                    static_cast<double>(level) / kLevels);
  };
  Level weak;
  Area below = strip(1);
  if (below.width > 0) {
    weak.area = below;
    IMGRING_TRY(weak.image, at_level(b, below, 0));
  }
  for (int level = 1; level <= kLevels; ++level) {
    IMGRING_TRY_VOID(vips::check_stop(b.stop));
    const Area above = strip(level + 1);
    Level strong;
    strong.area = both(below, above);
    if (strong.area.width > 0) {
      IMGRING_TRY(strong.image, at_level(b, strong.area, level));
      if (below.width > 0) {
        IMGRING_TRY_VOID(mix_strip(ramp, level, weak, strong, result, b.stop));
      }
    }
    below = above;
    weak = std::move(strong);
  }
  return {};
}

}  // namespace

Result<VipsImagePtr> progressive_blur(VipsImage* picture, const StepContext& context, const Step&) {
  const url::ProgressiveBlur& o = context.input.pixels().progressive_blur;
  IMGRING_TRY(VipsImagePtr work, eight_bit_srgb(picture));
  IMGRING_TRY(VipsImagePtr memory, image::copy_to_memory(work.get(), context.stop));
  VipsImagePtr own(vips_image_new_memory());
  if (own == nullptr || vips_image_write(memory.get(), own.get()) != 0) {
    return std::unexpected(image::vips_failure("progressive blur"));
  }
  const Blurring blurring{memory.get(), std::min(o.sigma, kBlurSigmaMax), context.stop};
  const RampOver ramp(o.ramp, vips::size_of(memory.get()));
  IMGRING_TRY_VOID(blur_all(blurring, ramp, own.get()));
  return own;
}

}  // namespace imgring::pipeline::steps
