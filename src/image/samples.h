// Pixels with more samples than their colours and one alpha have: spot colours, masks, depths.
// Owns nothing between calls. Helper threads only.
#pragma once

#include "imgring/base/image_type.h"
#include "imgring/base/text.h"
#include "imgring/image/vips_image.h"

namespace imgring::image {

// The colours and the first alpha, as libvips takes it (0 to 255 beside Lab and inks); the image
// itself where there is nothing else. Of a TIFF its ExtraSamples say which sample is alpha,
// otherwise it is the first behind the colours.
Result<VipsImagePtr> with_one_alpha(VipsImage* image, ByteSpan source, ImageType type);

}  // namespace imgring::image
