// Which metadata stays on a result (processing.md 8.5): strip rules, copyright of EXIF, IPTC and
// XMP.
// Helper threads only; the image must be owned by the caller alone (vips_copy first).
#pragma once

#include "imgring/image/vips_image.h"

namespace imgring::image {

struct StripParams {
  bool keep_copyright = true;
  bool animated = false;  // page-height, delay, loop, n-pages stay
  double dpi = 72;        // what is written in place of the source's
};
// Dots per inch, above 0, which EXIF that is kept says, too.
void set_resolution(VipsImage* image, double dpi) noexcept;
void strip_metadata(VipsImage* image, const StripParams& params);
// A header, without pixels that may be asked for, as an sRGB or grey picture of 8 bits has it that
// came without metadata.
VipsImagePtr bare_header(int width, int height, int bands);

}  // namespace imgring::image
