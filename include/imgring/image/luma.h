// The light of a picture, and what its pixels tell an encoder's choice. Helper threads only.
#pragma once

#include "imgring/base/stop.h"
#include "imgring/codec/ssim.h"
#include "imgring/image/vips_image.h"

namespace imgring::image {

// In sRGB of 8 bits; `shrink`: as codec::LumaMaker takes it.
Result<codec::Luma> luma_of(VipsImage* image, int shrink, const StopFlag& stop);
// Entropy of the 256 levels of grey, in bits: 0 of one colour, 8 at most.
Result<double> grey_entropy(VipsImage* image, const StopFlag& stop);
// Whether any of it can be seen through.
Result<bool> is_transparent(VipsImage* image, const StopFlag& stop);

}  // namespace imgring::image
