// libexif's reader, which libvips calls for each EXIF block. It reads 64 KiB of a block, but gives
// maker notes all of it: three hundred entries may each copy the same megabyte.
// Any thread.
#pragma once

#include <cstddef>

namespace imgring::image {

// What libexif's own reader looks at; an EXIF block in a JPEG is never larger.
inline constexpr std::size_t kExifReadMax = 0xFFFE;

// Keeps the function that stands before libexif's in the program.
void guard_exif() noexcept;

}  // namespace imgring::image
