// The EXIF block libvips' savers write, built by us for the plain case: resolution, orientation,
// size, Copyright and Artist. Keeps the pull encoders' output equal to the savers'. Helper threads
// only.
#pragma once

#include <cstdint>
#include <vector>

#include "imgring/image/vips_image.h"

namespace imgring::image {

// False when the image carries EXIF beyond the plain case: let the libvips saver write it.
bool has_plain_exif(VipsImage* image) noexcept;
// With the "Exif\0\0" prefix. Requires has_plain_exif.
std::vector<std::uint8_t> plain_exif_block(VipsImage* image);

}  // namespace imgring::image
