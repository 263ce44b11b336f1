// Our own bounded readers: ICO and BMP (processing.md 11, hardening.md 5). Helper threads only.
// The span must outlive the image: pixels are decoded when asked for.
#pragma once

#include "imgring/base/text.h"
#include "imgring/image/loader.h"

namespace imgring::image {

Result<VipsImagePtr> load_bmp(ByteSpan source);
// The bitmap of an ICO entry: no file header. `mask`: its height is doubled, a mask follows.
Result<VipsImagePtr> load_ico_bitmap(ByteSpan entry, bool mask);
Result<VipsImagePtr> load_ico(ByteSpan source);

}  // namespace imgring::image
