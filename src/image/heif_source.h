// A HEIF file as libheif takes it: among the brands it is compatible with there must be one that
// libheif knows, which sequences (avis, msf1) and files of the bare structure (miaf) need not say.
// Helper threads only. The span must outlive the source.
#pragma once

#include <optional>

#include "imgring/base/text.h"
#include "imgring/image/vips_image.h"

namespace imgring::image {

// Null: no memory.
VipsSourcePtr open_heif(ByteSpan file);
// The bytes of one that libheif takes as they are.
std::optional<ByteSpan> plain_heif(ByteSpan file) noexcept;

}  // namespace imgring::image
