// AVIF written through libheif itself: libvips tells it neither how many threads to take (four,
// each with a tile of its own: 2 % more bytes and 10 % more CPU) nor what libaom may leave out.
// Helper threads, and the child.
#pragma once

#include "imgring/base/bytes.h"
#include "imgring/base/error.h"
#include "imgring/image/vips_image.h"

namespace imgring::image {

class SaverCall;

// 8 bits of grey or sRGB, with or without alpha, and no EXIF but what plain_exif_block() makes;
// else libvips must write it.
bool can_write_avif(VipsImage* image) noexcept;

// `memory` lies in memory; `call` is what heifsave_target would be told, Q, effort and
// subsample_mode of it count. kOverloaded: libheif or libaom ended for want of memory;
// kResultUnsupported: there is no encoder; kInternal: anything else.
Result<Bytes> write_avif(VipsImage* memory, const SaverCall& call);

}  // namespace imgring::image
