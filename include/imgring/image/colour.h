// Colour of an image on its way through the pipeline (processing.md 8.1 to 8.4, 8.6): to the space
// the steps work in, around a linear resize, and to the space of the result.
// Nothing is owned between calls: what to_result must know (the source's profile, "was imported")
// travels in private metadata fields of the image, which libvips operations hand on. Helper threads
// only.
#pragma once

#include <memory>

#include "imgring/codec/matrix_profile.h"
#include "imgring/image/colour_profiles.h"
#include "imgring/image/vips_image.h"

namespace imgring::image {

// The common sRGB IEC61966-2.1 profile (HP, 1998): as good as no profile.
bool has_standard_srgb_profile(VipsImage* image) noexcept;
// True after a profile import by one of the functions below.
bool profile_imported(VipsImage* image) noexcept;
// 16 for RGB16, GREY16 and scRGB, else 8.
int pixel_depth(VipsImage* image) noexcept;

// What the picture's profile says, where it is one of curves and a matrix; null: it is not.
std::shared_ptr<const codec::MatrixProfile> matrix_profile_of(VipsImage* image);
// The picture without it and what else tells of its colours, as to_result leaves one of sRGB.
Result<VipsImagePtr> without_profile(VipsImage* image);

// Step "colour to processing". `keep_hdr`: the result format holds 16 bit and preserve_hdr is on.
Result<VipsImagePtr> to_processing(VipsImage* image, bool keep_hdr);

// Around a resize in linear light: to scRGB (profile imported first), and back to the
// interpretation the image had before (image->Type read by the caller before to_linear).
Result<VipsImagePtr> to_linear(VipsImage* image);
Result<VipsImagePtr> to_interpretation(VipsImage* image, VipsInterpretation interpretation);
// The same for an image that leaves the space of its profile: that is imported first.
Result<VipsImagePtr> out_of_profile(VipsImage* image, VipsInterpretation interpretation);

// Step "colour to result". `keep_profile`: strip_color_profile is off and the format holds ICC.
Result<VipsImagePtr> to_result(VipsImage* image, bool keep_profile);
// The same into a profile that was asked for, which the picture then carries: out of its own, or of
// sRGB where it has none or was imported. Grey becomes RGB; CMYK has no alpha, so that what is
// transparent becomes white.
Result<VipsImagePtr> to_profile(VipsImage* image, const ColourProfile& profile);

// Float TIFF sources; load() has applied it already.
Result<VipsImagePtr> fix_float_tiff(VipsImage* image);

}  // namespace imgring::image
