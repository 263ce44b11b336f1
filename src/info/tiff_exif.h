// EXIF of a TIFF file, which is one: its directories without pixels, in a block of their own.
// Plain functions, any thread.
#pragma once

#include <string>

#include "imgring/base/text.h"

namespace imgring::info {

// A TIFF block of kExifBlockBytesMax at most with the main directory and those of the exposure, the
// place and interoperability; empty when it is no classic TIFF. What is structure of the file, or a
// block of something else, is left out, and values over 4 KiB.
std::string exif_of_tiff(ByteSpan file);

}  // namespace imgring::info
