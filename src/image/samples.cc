// Which sample is alpha: the file says so in TIFF; else the first behind the colours.
#include "samples.h"

#include "imgring/format/tiff_reader.h"
#include "operation.h"
#include "profile.h"

namespace imgring::image {
namespace {

constexpr std::uint32_t kExtraSamplesTag = 338, kAssociatedAlpha = 1, kUnassociatedAlpha = 2;
// Of the samples behind the colours; more than these no format has here.
constexpr int kExtrasMax = 64;

int alpha_among(ByteSpan source, ImageType type, int extras) noexcept {
  if (type != ImageType::kTiff) return 0;
  const format::TiffReader tiff(source);
  for (int i = 0; i < extras && i < kExtrasMax; ++i) {
    const std::uint32_t kind = tiff.value(kExtraSamplesTag, 0, static_cast<std::uint64_t>(i));
    if (kind == kAssociatedAlpha || kind == kUnassociatedAlpha) return i;
  }
  return 0;
}

Result<VipsImagePtr> bands(VipsImage* image, int first, int count) {
  return Operation("extract_band").set("in", image).set("band", first).set("n", count).image();
}

Result<VipsImagePtr> joined(VipsImage* colours, VipsImage* alpha) {
  VipsImage* out = nullptr;
  if (vips_bandjoin2(colours, alpha, &out, nullptr) != 0) {
    return std::unexpected(vips_failure("samples"));
  }
  return VipsImagePtr(out);
}

Result<VipsImagePtr> named(VipsImage* image, VipsInterpretation space) {
  return Operation("copy").set("in", image).set("interpretation", static_cast<int>(space)).image();
}

// libvips takes alpha beside inks and Lab for 0 to 255, and hands on 16 bits, of Lab as if they had
// a sign.
bool wide_alpha(VipsImage* image) noexcept {
  const VipsInterpretation type = vips_image_get_interpretation(image);
  return type == VIPS_INTERPRETATION_LABS ||
         (type == VIPS_INTERPRETATION_CMYK && vips_image_get_format(image) == VIPS_FORMAT_USHORT);
}

Result<VipsImagePtr> narrowed(VipsImage* alpha) {
  constexpr double kWide = 257;
  IMGRING_TRY(VipsImagePtr unsigned_alpha, Operation("copy")
                                               .set("in", alpha)
                                               .set("format", static_cast<int>(VIPS_FORMAT_USHORT))
                                               .image());
  VipsImage* out = nullptr;
  if (vips_linear1(unsigned_alpha.get(), &out, 1 / kWide, 0.0, nullptr) != 0) {
    return std::unexpected(vips_failure("samples"));
  }
  const VipsImagePtr narrow(out);
  return Operation("cast")
      .set("in", narrow.get())
      .set("format", static_cast<int>(vips_image_get_format(alpha)))
      .image();
}

// ICC.1: 0 to 255 or 0xFF00 is 0 to 100, and zero lies in the middle.
Result<VipsImagePtr> lab_of_icc(VipsImage* image) {
  const bool wide = vips_image_get_format(image) == VIPS_FORMAT_USHORT;
  const double light = wide ? 100.0 / 0xFF00 : 100.0 / 255, step = wide ? 1.0 / 256 : 1;
  const double factors[] = {light, step, step}, offsets[] = {0, -128, -128};
  IMGRING_TRY(const VipsImagePtr colours, bands(image, 0, 3));
  VipsImage* out = nullptr;
  if (vips_linear(colours.get(), &out, factors, offsets, 3, nullptr) != 0) {
    return std::unexpected(vips_failure("Lab"));
  }
  VipsImagePtr lab(out);
  const int extras = vips_image_get_bands(image) - 3;
  if (extras > 0) {
    IMGRING_TRY(const VipsImagePtr rest, bands(image, 3, extras));
    IMGRING_TRY(const VipsImagePtr narrow,
                wide ? narrowed(rest.get()) : bands(rest.get(), 0, extras));
    IMGRING_TRY(lab, joined(lab.get(), narrow.get()));
  }
  return named(lab.get(), VIPS_INTERPRETATION_LAB);
}

}  // namespace

namespace {

// Numbers without colours. libvips converts what is left: XYZ of LogLuv, and the like.
bool says_no_colours(VipsImage* image) noexcept {
  const VipsInterpretation space = vips_image_get_interpretation(image);
  return space == VIPS_INTERPRETATION_MULTIBAND || space == VIPS_INTERPRETATION_HISTOGRAM ||
         space == VIPS_INTERPRETATION_MATRIX || space == VIPS_INTERPRETATION_FOURIER ||
         space == VIPS_INTERPRETATION_ERROR;
}

}  // namespace

Result<VipsImagePtr> with_known_colours(VipsImage* image, ByteSpan source, ImageType type) {
  constexpr std::uint32_t kPhotometricTag = 262, kIccLab = 9;
  const bool packed = vips_image_get_coding(image) == VIPS_CODING_LABQ;
  if (packed) return Operation("LabQ2Lab").set("in", image).image();
  if (!says_no_colours(image)) {
    g_object_ref(image);
    return VipsImagePtr(image);
  }
  const VipsBandFormat band_format = vips_image_get_format(image);
  const bool wide = band_format == VIPS_FORMAT_USHORT, colour = vips_image_get_bands(image) >= 3;
  const bool plain = wide || band_format == VIPS_FORMAT_UCHAR;
  if (type == ImageType::kTiff && colour && plain &&
      format::TiffReader(source).value(kPhotometricTag, 0) == kIccLab) {
    return lab_of_icc(image);
  }
  if (colour) return named(image, wide ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB);
  return named(image, wide ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W);
}

Result<VipsImagePtr> with_one_alpha(VipsImage* image, ByteSpan source, ImageType type) {
  const int colours = colour_samples(colour_model(image));
  const int extras = vips_image_get_bands(image) - colours;
  const bool wide = wide_alpha(image);
  const bool packed = vips_image_get_coding(image) != VIPS_CODING_NONE;
  const bool plain = extras < 1 || (extras == 1 && !wide);
  if (colours == 0 || packed || plain) {
    g_object_ref(image);
    return VipsImagePtr(image);
  }
  IMGRING_TRY(const VipsImagePtr colour, bands(image, 0, colours));
  IMGRING_TRY(VipsImagePtr alpha, bands(image, colours + alpha_among(source, type, extras), 1));
  if (wide) {
    IMGRING_TRY(VipsImagePtr narrow, narrowed(alpha.get()));
    alpha = std::move(narrow);
  }
  return joined(colour.get(), alpha.get());
}

}  // namespace imgring::image
