// The filters of the step `filters`, each a function from a picture of 8 bits in sRGB to another.
// Owns nothing. Helper threads only. What an option leaves alone comes back as it is.
#pragma once

#include "imgring/image/stop.h"
#include "imgring/image/vips_image.h"
#include "imgring/url/processing_options.h"

namespace imgring::pipeline::steps {

// Sharpening by the eight neighbours (paid.md section 2.3). `picture`: in memory.
Result<image::VipsImagePtr> unsharp_masked(image::VipsImagePtr picture, const url::Unsharp& options,
                                           const image::StopFlag& stop);
// Brightness and contrast by a table, then saturation in CIE Lab.
Result<image::VipsImagePtr> adjusted(image::VipsImagePtr picture, const url::PixelOptions& options);
// Monochrome, then duotone.
Result<image::VipsImagePtr> toned(image::VipsImagePtr picture, const url::PixelOptions& options);

// What vips_gaussblur does, with a picture in memory between the passes: pulled in strips it would
// do the rows around each strip again, thousands for a large sigma. The same pixels; alpha is a
// band like others, so colours must be premultiplied.
Result<image::VipsImagePtr> blurred(VipsImage* picture, double sigma, const image::StopFlag& stop);
// The same of a picture that may have alpha, in memory and in the format it had.
Result<image::VipsImagePtr> blurred_straight(VipsImage* picture, double sigma,
                                             const image::StopFlag& stop);

}  // namespace imgring::pipeline::steps
