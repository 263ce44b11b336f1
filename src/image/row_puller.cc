// The only place that pulls pixels out of a pipeline.
#include "row_puller.h"

#include <algorithm>

#include "blobs.h"
#include "imgring/base/check.h"
#include "imgring/image/encoder.h"

namespace imgring::image {
namespace {

bool in_memory(VipsImage* image) noexcept {
  return image->dtype == VIPS_IMAGE_SETBUF || image->dtype == VIPS_IMAGE_SETBUF_FOREIGN;
}

// A memory image with the header and metadata of `image` and room for its pixels.
Result<VipsImagePtr> empty_memory_like(VipsImage* image) {
  VipsImagePtr memory(vips_image_new_memory());
  if (memory == nullptr) return std::unexpected(vips_failure("memory image"));
  if (vips_image_pipelinev(memory.get(), VIPS_DEMAND_STYLE_ANY, image, nullptr) != 0) {
    return std::unexpected(vips_failure("memory image"));
  }
  if (vips_image_write_prepare(memory.get()) != 0) {
    return fail(ErrorCode::kOverloaded, "no memory for the pixels: " + take_vips_error());
  }
  vips_image_remove(memory.get(), "vips-sequential");
  own_blobs(memory.get());  // `image`, which they may belong to, is not kept
  return memory;
}

}  // namespace

RowPuller::RowPuller(VipsImage* image, const StopFlag& stop) noexcept
    : image_(image), stop_(stop), region_(vips_region_new(image)) {}

Result<Strip> RowPuller::pull(int top) {
  if (stop_.stopped()) {
    vips_image_set_kill(image_, TRUE);
    return std::unexpected(stop_error(stop_.reason()));
  }
  IMGRING_CHECK(top >= 0 && top < vips_image_get_height(image_));
  if (region_ == nullptr) return std::unexpected(vips_failure("region"));
  const VipsRect area{0, top, vips_image_get_width(image_),
                      std::min(kStripRows, vips_image_get_height(image_) - top)};
  if (vips_region_prepare(region_.get(), &area) != 0) return std::unexpected(vips_failure(""));
  IMGRING_TRY_VOID(shortages_.check());
  Strip strip;
  strip.first = VIPS_REGION_ADDR(region_.get(), 0, top);
  strip.stride_bytes = static_cast<std::size_t>(VIPS_REGION_LSKIP(region_.get()));
  strip.row_count = area.height;
  return strip;
}

Result<VipsImagePtr> copy_to_memory(VipsImage* image, const StopFlag& stop) {
  if (in_memory(image)) {
    g_object_ref(image);
    return VipsImagePtr(image);
  }
  IMGRING_TRY(VipsImagePtr memory, empty_memory_like(image));
  RowPuller rows(image, stop);
  const int height = vips_image_get_height(image);
  for (int top = 0; top < height;) {
    IMGRING_TRY(const Strip strip, rows.pull(top));
    for (int row = 0; row < strip.row_count; ++row) {
      // libvips only reads the line; its signature forgot to say so.
      auto* line = const_cast<VipsPel*>(strip.first + row * strip.stride_bytes);
      if (vips_image_write_line(memory.get(), top + row, line) != 0) {
        return std::unexpected(vips_failure("copy to memory"));
      }
    }
    top += strip.row_count;
  }
  return memory;
}

}  // namespace imgring::image
