// What the boxes of a HEIF file say of its colours and libvips does not do (format/heif_boxes.h).
// Helper threads only.
#pragma once

#include "imgring/base/text.h"
#include "imgring/image/vips_image.h"

namespace imgring::image {

// libheif makes RGB of one channel: it is grey again where its profile is one of greys.
Result<VipsImagePtr> as_grey_as_coded(VipsImage* image, ByteSpan source);

// The picture as its boxes say: colours divided by alpha, the profile of P3 where nothing else says
// what the colours are. The image itself where there is nothing to do; it must be the caller's
// alone.
Result<VipsImagePtr> as_heif_says(VipsImage* image, ByteSpan source);

}  // namespace imgring::image
