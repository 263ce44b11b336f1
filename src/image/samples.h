// Pixels with more samples than their colours and one alpha have: spot colours, masks, depths.
// Owns nothing between calls. Helper threads only.
#pragma once

#include "imgring/base/image_type.h"
#include "imgring/base/text.h"
#include "imgring/image/vips_image.h"

namespace imgring::image {

// Colours that libvips names: Lab of a TIFF as the ICC writes it and as libvips packs it becomes
// plain Lab, and what is of no colour space is taken for RGB or grey by its number of samples,
// since no step knows another. The image itself where libvips named it.
Result<VipsImagePtr> with_known_colours(VipsImage* image, ByteSpan source, ImageType type);

// The colours and the first alpha, as libvips takes it (0 to 255 beside Lab and inks); the image
// itself where there is nothing else. Of a TIFF its ExtraSamples say which sample is alpha,
// otherwise it is the first behind the colours.
Result<VipsImagePtr> with_one_alpha(VipsImage* image, ByteSpan source, ImageType type);

}  // namespace imgring::image
