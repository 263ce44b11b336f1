// What the boxes of a HEIF file (AVIF, HEIC) say of its picture that libvips does not look at.
// Owns nothing. Any thread. Promises: reads nothing outside the span, and a bounded number of
// boxes.
#pragma once

#include <cstdint>

#include "imgring/base/text.h"

namespace imgring::format {

struct HeifSays {
  bool premultiplied = false;   // an item reference `prem`
  std::uint32_t primaries = 2;  // of the first picture's `nclx`, ISO/IEC 23091-2; 2: nothing
  std::uint32_t transfer = 2;
  bool monochrome = false;  // the first picture has one channel
};
HeifSays heif_says(ByteSpan source) noexcept;

// Without another file that was put behind it, as cameras put films: libheif reads the last type.
ByteSpan without_second_file(ByteSpan source) noexcept;

}  // namespace imgring::format
