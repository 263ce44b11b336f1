// Trim: cuts the border that looks like the background (processing.md section 6).
#include <algorithm>
#include <array>

#include "../area_map.h"
#include "imgring/image/colour.h"
#include "imgring/image/encoder.h"
#include "steps.h"

namespace imgring::pipeline::steps {
namespace {

using image::VipsImagePtr;

// What is compared: sRGB, transparency over magenta.
Result<VipsImagePtr> comparable(VipsImage* picture) {
  constexpr url::Color kMagenta{255, 0, 255};
  if (vips_image_guess_interpretation(picture) == VIPS_INTERPRETATION_sRGB)
    return vips::flatten(picture, kMagenta);
  IMGRING_TRY(VipsImagePtr rgb, image::to_interpretation(picture, VIPS_INTERPRETATION_sRGB));
  return vips::flatten(rgb.get(), kMagenta);
}

using ArrayPtr = std::unique_ptr<VipsArrayDouble, decltype([](VipsArrayDouble* p) {
                                   vips_area_unref(reinterpret_cast<VipsArea*>(p));
                                 })>;

Result<ArrayPtr> background_of(VipsImage* picture, const url::Trim& trim) {
  if (trim.color) {
    const double values[] = {static_cast<double>(trim.color->r), static_cast<double>(trim.color->g),
                             static_cast<double>(trim.color->b)};
    return ArrayPtr(vips_array_double_new(values, 3));
  }
  double* values = nullptr;
  int count = 0;
  if (vips_getpoint(picture, &values, &count, 0, 0, nullptr) != 0)
    return std::unexpected(image::vips_failure("trim"));
  ArrayPtr array(vips_array_double_new(values, count));
  g_free(values);
  return array;
}

// libvips looks through a median of three by three pixels, which smaller pictures have not: those
// get a border of their outermost pixels.
constexpr int kMedianSide = 3;

Result<Area> found_area(VipsImage* picture, VipsArrayDouble* background, double threshold) {
  const Size size = vips::size_of(picture);
  const int border = std::min(size.width, size.height) < kMedianSide ? 1 : 0;
  VipsImagePtr large = vips::share(picture);
  if (border != 0) {
    IMGRING_TRY(large, vips::call<vips_embed>("trim", picture, border, border, size.width + 2,
                                              size.height + 2, "extend", VIPS_EXTEND_COPY));
  }
  Area found;
  if (vips_find_trim(large.get(), &found.left, &found.top, &found.width, &found.height,
                     "background", background, "threshold", threshold, nullptr) != 0) {
    return std::unexpected(image::vips_failure("trim"));
  }
  if (border == 0 || found.width == 0 || found.height == 0) return found;
  const int right = std::clamp(found.left + found.width - border, 1, size.width);
  const int bottom = std::clamp(found.top + found.height - border, 1, size.height);
  found.left = std::clamp(found.left - border, 0, right - 1);
  found.top = std::clamp(found.top - border, 0, bottom - 1);
  found.width = right - found.left;
  found.height = bottom - found.top;
  return found;
}

struct Span {
  int start, length;
};
// Both cuts as small as the smaller one.
Span equalised(Span found, int side) noexcept {
  const int far_cut = side - found.start - found.length;
  const int cut = std::min(found.start, far_cut);
  return {cut, side - 2 * cut};
}

}  // namespace

Result<VipsImagePtr> trim(VipsImage* picture, const StepContext& context, const Step& step) {
  const url::Trim& options = context.input.pixels().trim;
  IMGRING_TRY(VipsImagePtr ready, to_processing(picture, context, step));
  IMGRING_TRY(VipsImagePtr memory, image::copy_to_memory(ready.get(), context.stop));
  const Size whole = vips::size_of(memory.get());
  IMGRING_TRY(VipsImagePtr compared, comparable(memory.get()));
  IMGRING_TRY(ArrayPtr background, background_of(compared.get(), options));
  // libvips takes its default for what is out of its range, and says so on standard error.
  constexpr double kDefaultThreshold = 10;
  const double threshold = options.threshold < 0 ? kDefaultThreshold : options.threshold;
  IMGRING_TRY(Area found, found_area(compared.get(), background.get(), threshold));
  if (found.width == 0 || found.height == 0) return memory;
  if (options.equal_horizontal) {
    const Span span = equalised({found.left, found.width}, whole.width);
    found.left = span.start;
    found.width = span.length;
  }
  if (options.equal_vertical) {
    const Span span = equalised({found.top, found.height}, whole.height);
    found.top = span.start;
    found.height = span.length;
  }
  IMGRING_TRY(VipsImagePtr cut, vips::cut(memory.get(), found));
  const std::array<int, 4> from{whole.width, whole.height, found.left, found.top};
  vips_image_set_array_int(cut.get(), kTrimmedField, from.data(), static_cast<int>(from.size()));
  return cut;
}

}  // namespace imgring::pipeline::steps
