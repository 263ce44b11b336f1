// What readers of headers have in common: numbers out of bytes, and sizes that are believed so far.
// Plain functions; any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "imgring/base/text.h"
#include "imgring/format/source_facts.h"
#include "imgring/format/tiff_reader.h"

namespace imgring::format {

// Blocks, segments or chunks of a file that are walked over, on a loop's thread: the 16 384 of
// 4 MiB of a GIF take some 0.2 ms.
inline constexpr int kHeaderStepsMax = 1 << 14;

// 0 for what lies behind the end.
inline std::uint32_t number(ByteSpan s, std::size_t at, int bytes, bool big) noexcept {
  std::uint32_t value = 0;
  for (int i = 0; i < bytes; ++i) {
    const std::size_t index = at + static_cast<std::size_t>(big ? i : bytes - 1 - i);
    value = value << 8 | (index < s.size() ? s[index] : 0u);
  }
  return value;
}

inline SourceFacts facts_of_size(ImageType type, std::uint32_t width, std::uint32_t height) {
  constexpr std::uint32_t kSideMax = 1 << 20;
  SourceFacts out;
  out.type = type;
  out.width = static_cast<int>(std::min(width, kSideMax));
  out.height = static_cast<int>(std::min(height, kSideMax));
  return out;
}

inline void set_frames(SourceFacts* out, int count) noexcept {
  out->pages = std::max(1, count);
  out->animated = count > 1;
}

// Orientation of the TIFF block that EXIF is, 1 where there is none.
inline int exif_orientation(ByteSpan block) noexcept {
  return block.size() < 8 ? 1 : TiffReader(block).orientation();
}
// What JPEG, and some writers of WebP, put before the block.
inline constexpr std::string_view kExifName("Exif\0\0", 6);

}  // namespace imgring::format
