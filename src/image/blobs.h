// Binary metadata of a picture that was just loaded: profile, EXIF, XMP and their like.
// Owns nothing. The image must be the caller's alone. Helper threads only.
#pragma once

#include <cstddef>
#include <string_view>

#include "imgring/base/log.h"
#include "imgring/image/vips_image.h"

namespace imgring::image {

// What is larger is left out, the picture is not refused. Profiles of printers with tables for
// several intents reach 3 MB, cameras write a tenth of the rest.
inline constexpr std::size_t kProfileBytesMax = std::size_t{4} << 20;
inline constexpr std::size_t kExifBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kXmpBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kIptcBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kOtherBlobBytesMax = std::size_t{1} << 20;

// Of the field of this name.
std::size_t blob_bytes_max(std::string_view field) noexcept;
// Removes what is over its limit, with a debug line each. Of EXIF the orientation stays.
void drop_large_blobs(VipsImage* image, const Logger* log);
// Gives every blob whose bytes are somebody else's a copy of its own. libvips' loader of HEIC and
// AVIF leaves them in the memory of the image it made, which pictures that were copied out of its
// pipeline outlive.
void own_blobs(VipsImage* image);

}  // namespace imgring::image
