// Where metadata stands in a file, and whether what came of a file tells what is asked for. Plain
// functions; owns what it had to unpack or join. A loop's thread, too, but for metadata_blocks.
// Promises: nothing outside of the span is read; work in proportion to the number of a file's
// parts, and that is bounded.
#pragma once

#include <string>

#include "imgring/base/image_type.h"
#include "imgring/base/text.h"
#include "imgring/info/metadata.h"
#include "imgring/url/info_options.h"

namespace imgring::info {

struct MetadataBlocks {
  std::string exif;
  std::string iptc;       // datasets, where they stand alone
  std::string photoshop;  // resources, datasets among them
  std::string xmp;
};
// Of JPEG, PNG and WebP: the first block of each kind; of TIFF the EXIF that it is. Of others
// nothing: their loaders tell.
MetadataBlocks metadata_blocks(ByteSpan file, ImageType type);
// Whether that is where to look.
bool has_own_blocks(ImageType type) noexcept;

// Whether the beginning of a file tells all that is wanted: the rest need not be downloaded.
bool header_tells(ByteSpan so_far, ImageType type, const url::InfoOptions& wanted);
// Whether a JPEG, PNG or WebP begins with all of its header, and pixels stand behind it.
bool reaches_pixels(ByteSpan so_far, ImageType type) noexcept;

}  // namespace imgring::info
