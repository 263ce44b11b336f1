// A PNG as libvips shall see it, as a source that leaves the rest out (format/png_view.h).
// Helper threads only. The view's span must outlive the source.
#pragma once

#include "imgring/format/png_view.h"
#include "imgring/image/vips_image.h"

namespace imgring::image {

// Null: no memory.
VipsSourcePtr open_png_view(format::PngView view);

}  // namespace imgring::image
