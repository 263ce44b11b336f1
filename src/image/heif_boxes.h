// What the boxes of a HEIF file (AVIF, HEIC) say of its picture that libvips does not look at.
// Owns nothing. Any thread. Promises: reads nothing outside the span, and a bounded number of
// boxes.
#pragma once

#include <cstdint>

#include "imgring/base/text.h"
#include "imgring/image/vips_image.h"

namespace imgring::image {

struct HeifSays {
  bool premultiplied = false;      // an item reference `prem`
  std::uint32_t primaries = 2;     // of the first picture's `nclx`, ISO/IEC 23091-2; 2: nothing
  std::uint32_t transfer = 2;
  bool monochrome = false;         // the first picture has one channel
};
HeifSays heif_says(ByteSpan source) noexcept;

// libheif makes RGB of one channel: it is grey again where its profile is one of greys.
Result<VipsImagePtr> as_grey_as_coded(VipsImage* image, ByteSpan source);

// Without another file that was put behind it, as cameras put films: libheif reads the last type.
ByteSpan without_second_file(ByteSpan source) noexcept;

// The picture as its boxes say: colours divided by alpha, the profile of P3 where nothing else says
// what the colours are. The image itself where there is nothing to do; it must be the caller's
// alone.
Result<VipsImagePtr> as_heif_says(VipsImage* image, ByteSpan source);

}  // namespace imgring::image
