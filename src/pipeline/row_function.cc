// vips_image_generate with a function of ours, whose owner is the picture that it makes.
#include "row_function.h"

#include <memory>
#include <utility>

#include "imgring/base/error.h"
#include "imgring/image/colour.h"
#include "vips_ops.h"

namespace imgring::pipeline {
namespace {

struct Mapping {
  image::VipsImagePtr in;
  RowFunction function;
};

int map_rows(VipsRegion* out, void* sequence, void*, void* client, gboolean*) {
  auto* const in = static_cast<VipsRegion*>(sequence);
  const auto* const mapping = static_cast<const Mapping*>(client);
  const VipsRect& area = out->valid;
  if (vips_region_prepare(in, &area) != 0) return -1;
  return image::rows_or_shortage([&] {
    for (int y = area.top; y < area.top + area.height; ++y) {
      mapping->function(VIPS_REGION_ADDR(in, area.left, y), VIPS_REGION_ADDR(out, area.left, y),
                        {area.left, y, area.width});
    }
    return 0;
  });
}

void forget(void* mapping) { delete static_cast<Mapping*>(mapping); }

}  // namespace

Result<image::VipsImagePtr> eight_bit_srgb(VipsImage* picture) {
  IMGRING_TRY(image::VipsImagePtr srgb,
              image::to_interpretation(picture, VIPS_INTERPRETATION_sRGB));
  constexpr int kColours = 3;
  if (vips_image_get_bands(srgb.get()) < kColours) {
    return fail(ErrorCode::kInternal, "a picture says that it is sRGB and has not its bands");
  }
  if (vips_image_get_format(srgb.get()) == VIPS_FORMAT_UCHAR) return srgb;
  return vips::cast(srgb.get(), VIPS_FORMAT_UCHAR);
}

Result<image::VipsImagePtr> mapped_rows(VipsImage* picture, RowFunction function) {
  image::VipsImagePtr out(vips_image_new());
  auto mapping = std::make_unique<Mapping>(vips::share(picture), std::move(function));
  Mapping* const client = mapping.get();
  g_object_set_data_full(reinterpret_cast<GObject*>(out.get()), "imgring-rows", mapping.release(),
                         forget);
  if (vips_image_pipelinev(out.get(), VIPS_DEMAND_STYLE_THINSTRIP, picture, nullptr) != 0 ||
      vips_image_generate(out.get(), vips_start_one, map_rows, vips_stop_one, picture, client) !=
          0) {
    return std::unexpected(image::vips_failure("rows"));
  }
  return out;
}

}  // namespace imgring::pipeline
