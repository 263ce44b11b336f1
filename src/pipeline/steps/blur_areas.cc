// Blurs parts of the source, wherever the steps before have moved them.
// Promises: outside of the areas no byte changes; inside, pixels are those of the whole picture
// blurred, as far as what lies within three sigmas tells.
#include <algorithm>
#include <cmath>

#include "../area_map.h"
#include "../row_function.h"
#include "../step_rows.h"
#include "filters.h"
#include "imgring/image/encoder.h"
#include "steps.h"

namespace imgring::pipeline::steps {
namespace {

using image::VipsImagePtr;

constexpr double kReach = 3;  // sigmas: what lies farther weighs nothing that counts

// What has to be read for an area.
Area widened(const Area& area, double sigma, Size frame) noexcept {
  const int by = static_cast<int>(std::ceil(kReach * sigma));
  const int left = std::max(0, area.left - by), top = std::max(0, area.top - by);
  const int right = std::min(frame.width, area.left + area.width + by);
  const int bottom = std::min(frame.height, area.top + area.height + by);
  return {left, top, right - left, bottom - top};
}

Result<void> blur_part(VipsImage* source, const Area& area, double sigma, VipsImage* result,
                       const image::StopFlag& stop) {
  IMGRING_TRY_VOID(vips::check_stop(stop));
  const Area wide = widened(area, sigma, vips::size_of(source));
  IMGRING_TRY(VipsImagePtr read, vips::cut(source, wide));
  IMGRING_TRY(VipsImagePtr soft, blurred_straight(read.get(), sigma, stop));
  const Area inner{area.left - wide.left, area.top - wide.top, area.width, area.height};
  IMGRING_TRY(VipsImagePtr part, vips::cut(soft.get(), inner));
  if (vips_draw_image(result, part.get(), area.left, area.top, nullptr) != 0) {
    return std::unexpected(image::vips_failure("blur areas"));
  }
  return {};
}

TrimmedFrom trimmed_from(VipsImage* picture) noexcept {
  int* values = nullptr;
  int count = 0;
  constexpr int kValues = 4;
  if (vips_image_get_typeof(picture, kTrimmedField) == 0 ||
      vips_image_get_array_int(picture, kTrimmedField, &values, &count) != 0 || count != kValues) {
    return {};
  }
  return {{values[0], values[1]}, {values[2], values[3]}};
}

}  // namespace

Result<VipsImagePtr> blur_areas(VipsImage* picture, const StepContext& context, const Step&) {
  const url::PixelOptions& o = context.input.pixels();
  const auto here = std::ranges::find(context.plan.steps, StepKind::kBlurAreas, &Step::kind);
  const auto index = static_cast<std::size_t>(here - context.plan.steps.begin());
  const std::vector<Area> areas =
      areas_before(context.plan, index, o, trimmed_from(picture), o.blur_areas.areas);
  if (areas.empty()) return vips::share(picture);
  IMGRING_TRY(const VipsImagePtr eight_bit, eight_bit_srgb(picture));
  IMGRING_TRY(VipsImagePtr memory, image::copy_to_memory(eight_bit.get(), context.stop));
  // One that is nobody else's: what is drawn on must be.
  VipsImagePtr own(vips_image_new_memory());
  if (own == nullptr || vips_image_write(memory.get(), own.get()) != 0) {
    return std::unexpected(image::vips_failure("blur areas"));
  }
  const double sigma = std::min(o.blur_areas.sigma, kBlurSigmaMax);
  for (const Area& area : areas) {
    IMGRING_TRY_VOID(blur_part(memory.get(), area, sigma, own.get(), context.stop));
  }
  return own;
}

}  // namespace imgring::pipeline::steps
