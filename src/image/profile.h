// Whether a profile says something of the picture it came with.
// Owns nothing. Helper threads only.
#pragma once

#include "imgring/base/log.h"
#include "imgring/base/text.h"
#include "imgring/format/coded_colours.h"
#include "imgring/image/vips_image.h"

namespace imgring::image {

// What the picture says of its colours; a profile of another colour space turned green into alpha.
enum class ColourModel : std::uint8_t { kOther, kGrey, kRgb, kCmyk, kLab };
ColourModel colour_model(VipsImage* image) noexcept;
// Samples of a pixel that are colour; 0 for kOther.
int colour_samples(ColourModel model) noexcept;

// A profile of input, display, output or colour space, of a version that there is, whose colour
// space is the model.
bool fits_model(ByteSpan profile, ColourModel model) noexcept;
// True without a profile.
bool profile_fits(VipsImage* image) noexcept;
// Removes one that doesn't fit, with a debug line. The image must be the caller's alone.
void drop_strange_profile(VipsImage* image, const Logger* log);

// Gives a picture without a profile that of Display P3, when its colours are. The image must be the
// caller's alone.
void set_coded_profile(const format::CodedColours& says, VipsImage* image);

}  // namespace imgring::image
