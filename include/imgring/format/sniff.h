// Type of a source by its content only (processing.md section 3, detection). Plain functions, any
// thread.
#pragma once

#include <string_view>

#include "imgring/base/image_type.h"
#include "imgring/base/text.h"

namespace imgring::format {

// `extension` (with or without dot, any case) and `content_type` only keep camera RAW files, which
// are TIFF inside, from being taken for TIFF. kUnknown when nothing fits. Looks at 32 KiB at most.
ImageType detect_type(ByteSpan head, std::string_view extension, std::string_view content_type);

// The signature of a PNG, wherever one stands inside another file.
inline bool is_png(ByteSpan bytes) noexcept {
  return as_text(bytes).starts_with("\x89PNG\r\n\x1a\n");
}

}  // namespace imgring::format
