// The first directory of a TIFF, and how many there are.
#include <algorithm>

#include "header_fields.h"
#include "imgring/format/headers.h"
#include "imgring/format/tiff_reader.h"

namespace imgring::format {

// The first directory, wherever it lies.
SourceFacts read_tiff_header(ByteSpan s, int pages_max) {
  constexpr std::uint32_t kWidth = 256, kHeight = 257, kPhotometric = 262, kSamples = 277;
  constexpr std::uint32_t kRgb = 2, kCmyk = 5, kLab = 8;
  const TiffReader tiff(s);
  SourceFacts out = facts_of_size(ImageType::kTiff, tiff.value(kWidth, 0), tiff.value(kHeight, 0));
  const std::uint32_t samples = tiff.value(kSamples, 1), space = tiff.value(kPhotometric, kRgb);
  const std::uint32_t colours = space == kCmyk ? 4 : space == kRgb || space == kLab ? 3 : 1;
  out.alpha = samples > colours;
  out.orientation = tiff.orientation();
  if (pages_max > 1) {
    out.pages = std::max(1, tiff.directories(std::min(pages_max, kHeaderStepsMax)));
  }
  return out;
}

}  // namespace imgring::format
