// AVIF and HEIC made smaller while they are decoded. By a whole number: means of YCbCr samples,
// which only then become colours; what a resize would do first, for the price of one look at each
// sample. Nothing of the picture's size is made but what the decoder works with, and of a grid of
// tiles that of one tile. Or to the size that is wanted, from these means, or from the planes
// where there are none. Helper threads, and the child. The source must outlive the call.
#pragma once

#include <optional>

#include "imgring/base/error.h"
#include "imgring/base/text.h"
#include "imgring/image/loader.h"
#include "imgring/image/small_picture.h"

namespace imgring::image {

// RGB, each side divided by `shrink` (even, or 1) and rounded up; behind that of `reduced`, if any,
// until `stop`. Nothing where libvips must do it, or say what is broken: what is not reducible,
// alpha, more than 8 bits, matrices that are none, other sizes than `width` and `height`, before
// libheif 1.19 also what is cut out, mirrored or laid over, and turns of sides that `shrink` does
// not divide. kBrokenImage: a coded picture is larger than its header says; it was not decoded.
Result<std::optional<SmallPicture>> load_heif_smaller(ByteSpan source, int width, int height,
                                                      int shrink, const Reduced& reduced,
                                                      const StopFlag& stop);

}  // namespace imgring::image
