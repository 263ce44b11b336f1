// Trim: cuts the border that looks like the background (processing.md section 6).
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
    const double values[] = {static_cast<double>(trim.color->r),
                             static_cast<double>(trim.color->g),
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
  const url::Trim& options = context.input.options->trim;
  IMGRING_TRY(VipsImagePtr ready, to_processing(picture, context, step));
  IMGRING_TRY(VipsImagePtr memory, image::copy_to_memory(ready.get(), context.stop));
  IMGRING_TRY(VipsImagePtr compared, comparable(memory.get()));
  IMGRING_TRY(ArrayPtr background, background_of(compared.get(), options));
  // libvips takes its default for what is out of its range, and says so on standard error.
  constexpr double kDefaultThreshold = 10;
  const double threshold = options.threshold < 0 ? kDefaultThreshold : options.threshold;
  Area found;
  if (vips_find_trim(compared.get(), &found.left, &found.top, &found.width, &found.height,
                     "background", background.get(), "threshold", threshold, nullptr) != 0) {
    return std::unexpected(image::vips_failure("trim"));
  }
  if (found.width == 0 || found.height == 0) return memory;
  const Size size = vips::size_of(memory.get());
  if (options.equal_horizontal) {
    const Span span = equalised({found.left, found.width}, size.width);
    found.left = span.start;
    found.width = span.length;
  }
  if (options.equal_vertical) {
    const Span span = equalised({found.top, found.height}, size.height);
    found.top = span.start;
    found.height = span.length;
  }
  return vips::cut(memory.get(), found);
}

}  // namespace imgring::pipeline::steps
