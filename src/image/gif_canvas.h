// What the frames of a GIF leave uncovered.
// Owns nothing between calls. Helper threads only.
#pragma once

#include "imgring/base/text.h"
#include "imgring/image/vips_image.h"

namespace imgring::image {

// libvips gives a GIF without any transparent colour no alpha, and black for what its first frame
// does not cover. With alpha where there is such a place; otherwise the image itself.
// `first`: which frame of the file the image begins with.
Result<VipsImagePtr> with_clear_canvas(VipsImage* image, ByteSpan source, int first = 0);

}  // namespace imgring::image
