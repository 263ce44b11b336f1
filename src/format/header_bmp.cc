// The header of a bitmap, of Windows or of OS/2.
#include <cstdlib>

#include "header_fields.h"
#include "imgring/format/headers.h"

namespace imgring::format {

// A negative height: the rows from the top.
SourceFacts read_bmp_header(ByteSpan s, int) {
  constexpr std::uint32_t kPaletteDepthMax = 8, kCoreHeadBytes = 12;
  if (number(s, 14, 4, false) == kCoreHeadBytes) {  // OS/2 1: sides of two bytes
    SourceFacts core =
        facts_of_size(ImageType::kBmp, number(s, 18, 2, false), number(s, 20, 2, false));
    core.palette = number(s, 24, 2, false) <= kPaletteDepthMax;
    return core;
  }
  const auto height = std::int64_t{static_cast<std::int32_t>(number(s, 22, 4, false))};
  SourceFacts out = facts_of_size(ImageType::kBmp, number(s, 18, 4, false),
                                  static_cast<std::uint32_t>(std::abs(height)));
  out.palette = number(s, 28, 2, false) <= kPaletteDepthMax;
  return out;
}

}  // namespace imgring::format
