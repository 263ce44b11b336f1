// What the metadata of a picture says, as JSON (info.md section 4). Plain functions over
// blocks that strangers wrote; any thread but a loop's.
// Promises: nothing outside of the block is read, broken blocks give what was understood of them,
// and the limits below bound size, depth and count.
#pragma once

#include <cstddef>

#include "imgring/base/text.h"
#include "imgring/info/json.h"

namespace imgring::info {

// A segment of a JPEG holds no more; of larger blocks the beginning is read.
inline constexpr std::size_t kExifBlockBytesMax = 64 << 10;
// 5461 entries fit into such a block, 60 have names in a camera's. Values are cut at 1 KiB each.
inline constexpr std::size_t kExifEntriesMax = 1000;
inline constexpr std::size_t kExifValueBytesMax = 1024;
// Photoshop writes 30 KiB, most of it a thumbnail; captions end at 2000 bytes.
inline constexpr std::size_t kIptcBlockBytesMax = 256 << 10;
inline constexpr std::size_t kIptcValuesMax = 1000;
// Packets of cameras and editors have 10 KiB, those with a history of edits some hundred.
inline constexpr std::size_t kXmpBlockBytesMax = 256 << 10;
inline constexpr int kXmpDepthMax = 32;
inline constexpr int kXmpValuesMax = 4000;

// {title or tag name: text}, of the TIFF block with or without "Exif\0\0": the main directory, that
// of the exposure, places and interoperability; no thumbnail, maker's note and padding.
Json exif_json(ByteSpan block, bool canonical_names);
// {title: text, number or array}: datasets of records 1 and 2.
Json iptc_json(ByteSpan datasets);
// {prefix: {property: text, array or object}}. Empty when the packet is no XML, has a document type
// or is over a limit.
Json xmp_json(ByteSpan packet);

// Resources of Photoshop ("8BIM"): the datasets of IPTC, and the resolution of the picture.
struct PhotoshopBlock {
  ByteSpan iptc;
  ByteSpan resolution;
};
PhotoshopBlock photoshop_block(ByteSpan resources) noexcept;
// {"resolution": {...}}; an empty object when there is none.
Json photoshop_json(ByteSpan resolution);

}  // namespace imgring::info
