// Reduces metadata blocks to what names an author or owner (processing.md 8.5). Plain functions
// over spans, any thread; hostile blocks give nothing, never an error.
#pragma once

#include <string>

#include "imgring/base/text.h"

namespace imgring::image {

// Of a Photoshop block its IPTC part: of record 2 only by-line, credit and copyright; other records
// stay.
// Empty when nothing is left.
std::string copyright_of_iptc(ByteSpan photoshop_block);
// Of an XMP packet the namespaces xmpRights and cc, and of dc rights, contributor, creator,
// publisher.
std::string copyright_of_xmp(ByteSpan packet);

}  // namespace imgring::image
