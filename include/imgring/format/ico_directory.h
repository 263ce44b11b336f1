// The pictures of an icon, best first: the largest, of equal ones the deepest.
// Owns nothing. Any thread. Promises: reads nothing outside the span; believes the pictures more
// than the directory, which cannot say sides above 256.
#pragma once

#include <cstdint>
#include <vector>

#include "imgring/base/text.h"

namespace imgring::format {

struct IcoEntry {
  int width = 0, height = 0;
  int depth = 0;     // bits of a pixel
  ByteSpan data;     // at least kIcoDataBytesMin; cut at the end of the file
  bool mask = true;  // of a bitmap: its header's height is that of pixels and mask together
};
// The shortest header of a bitmap and one row of pixels, rounded down.
inline constexpr std::size_t kIcoDataBytesMin = 16;
inline constexpr std::uint32_t kIcoEntriesMax = 256;  // those behind are not looked at
std::vector<IcoEntry> ico_entries(ByteSpan source);

}  // namespace imgring::format
