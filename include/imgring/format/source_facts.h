// What is known of a source picture before its pixels. A value.
#pragma once

#include "imgring/base/image_type.h"

namespace imgring::format {

struct SourceFacts {
  ImageType type = ImageType::kUnknown;
  int width = 0, height = 0;  // as loaded, before orientation; one frame
  int orientation = 1;        // EXIF 1..8
  int pages = 1;
  int pages_joined = 1;  // of them, so many lie one below the other in what is loaded
  // That the decoder goes through beside those: of frames before them, of tiles and layers that
  // make up more than the picture.
  double skipped_pixels = 0;
  bool alpha = false;
  bool animated = false;  // has delay, loop and more than one page
  bool rendered = false;  // a vector that trim made a picture of: it needs `enlarge` to grow
  // JPEG in several scans, interlaced PNG: the decoder holds every pixel.
  bool whole_decode = false;
  bool palette = false;          // a result that can have one gets its own (estimates only)
  double samples_per_pixel = 3;  // JPEG: 1.5 at 4:2:0; PNG: bands
  // JPEG of 8 bits without metadata, profile included: its bands, 1 or 3. 0: other files.
  int bare_bands = 0;
};

}  // namespace imgring::format
