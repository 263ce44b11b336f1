// JPEG to JPEG without libvips' pipeline: libjpeg-turbo's rows through our own resize into the
// encoder.
// Owns everything of one call. Helper threads only.
// Promises: memory for a few rows, besides what libjpeg needs; the smallest irregularity in the
// source is an error, with which the caller goes the libvips way.
#pragma once

#include "imgring/base/text.h"
#include "imgring/image/encoder.h"
#include "imgring/image/native_resize.h"

namespace imgring::image {

struct NativeJpegJob {
  ByteSpan source;
  int shrink = 1;  // libjpeg's: 1, 2, 4, 8
  int loaded_width = 0, loaded_height = 0;  // rounded down; libjpeg has up to one pixel more
  ResizeAxis across, down;
};

// `header`: size and metadata of the result, 8-bit sRGB; its pixels are not looked at.
// Errors: kTimeout, kCancelled and kOverloaded are answers; any other asks for the libvips way.
Result<EncodedBytes> native_jpeg(const NativeJpegJob& job, VipsImage* header,
                                 const SaveParams& params, const StopFlag& stop);
bool is_answer(const Error& error) noexcept;

}  // namespace imgring::image
