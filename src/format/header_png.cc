// The header chunk of a PNG.
#include <iterator>

#include "header_fields.h"
#include "imgring/format/headers.h"

namespace imgring::format {
namespace {

// Of PNG's colour types; a palette is one sample that becomes three or four.
double png_samples(std::uint32_t colour_type) noexcept {
  constexpr double kSamples[] = {1, 4, 3, 4, 2, 4, 4};
  return colour_type < std::size(kSamples) ? kSamples[colour_type] : 4;
}

}  // namespace

SourceFacts read_png_header(ByteSpan s, int) {
  constexpr std::uint32_t kPaletteType = 3;
  SourceFacts out = facts_of_size(ImageType::kPng, number(s, 16, 4, true), number(s, 20, 4, true));
  const std::uint32_t colour_type = number(s, 25, 1, true);
  out.whole_decode = s.size() > 28 && s[28] != 0;  // interlaced
  out.samples_per_pixel = png_samples(colour_type);
  out.palette = colour_type == kPaletteType;
  return out;
}

}  // namespace imgring::format
