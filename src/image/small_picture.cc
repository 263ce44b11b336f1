// The block goes with the last image that shows it.
#include "imgring/image/small_picture.h"

#include <utility>

#include "imgring/base/check.h"

namespace imgring::image {

Result<PixelBlock> PixelBlock::of(std::size_t size_bytes) {
  PixelBlock block;
  block.bytes_.reset(static_cast<std::uint8_t*>(std::malloc(size_bytes)));
  if (block.bytes_ == nullptr) return fail(ErrorCode::kOverloaded, "no memory for the picture");
  block.size_bytes_ = size_bytes;
  return block;
}

Result<VipsImagePtr> as_memory_image(SmallPicture picture, VipsImage* header) {
  IMGRING_CHECK(vips_image_get_width(header) == picture.width);
  IMGRING_CHECK(vips_image_get_height(header) == picture.height);
  IMGRING_CHECK(vips_image_get_bands(header) == picture.bands);
  IMGRING_CHECK(vips_image_get_format(header) == VIPS_FORMAT_UCHAR);
  auto owner = std::make_unique<PixelBlock>(std::move(picture.block));
  VipsImagePtr image(vips_image_new_from_memory(owner->data(), owner->size_bytes(), picture.width,
                                                picture.height, picture.bands, VIPS_FORMAT_UCHAR));
  if (image == nullptr) return std::unexpected(vips_failure("memory image"));
  constexpr const char* kOwner = "imgring-block";
  g_object_set_data_full(G_OBJECT(image.get()), kOwner, owner.release(),
                         [](gpointer p) { delete static_cast<PixelBlock*>(p); });
  if (vips_image_pipelinev(image.get(), VIPS_DEMAND_STYLE_ANY, header, nullptr) != 0) {
    return std::unexpected(vips_failure("memory image"));
  }
  vips_image_remove(image.get(), "vips-sequential");
  return image;
}

}  // namespace imgring::image
