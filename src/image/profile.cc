// Offsets of ICC.1:2022, 7.2.
#include "profile.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "encoders.h"

namespace imgring::image {
namespace {

constexpr std::size_t kHeaderBytes = 128;
constexpr std::size_t kVersionAt = 8, kClassAt = 12, kSpaceAt = 16, kSignatureAt = 36;

bool is_class_of_pictures(std::string_view name) noexcept {
  for (const std::string_view known : {"scnr", "mntr", "prtr", "spac"}) {
    if (name == known) return true;
  }
  return false;
}

std::string_view space_of(ColourModel model) noexcept {
  switch (model) {
    case ColourModel::kGrey: return "GRAY";
    case ColourModel::kRgb: return "RGB ";
    case ColourModel::kCmyk: return "CMYK";
    case ColourModel::kLab: return "Lab ";
    case ColourModel::kOther: return {};
  }
  return {};
}

}  // namespace

ColourModel colour_model(VipsImage* image) noexcept {
  switch (vips_image_get_interpretation(image)) {
    case VIPS_INTERPRETATION_B_W:
    case VIPS_INTERPRETATION_GREY16: return ColourModel::kGrey;
    case VIPS_INTERPRETATION_RGB:
    case VIPS_INTERPRETATION_sRGB:
    case VIPS_INTERPRETATION_RGB16:
    case VIPS_INTERPRETATION_scRGB: return ColourModel::kRgb;
    case VIPS_INTERPRETATION_CMYK: return ColourModel::kCmyk;
    case VIPS_INTERPRETATION_LAB:
    case VIPS_INTERPRETATION_LABQ:
    case VIPS_INTERPRETATION_LABS: return ColourModel::kLab;
    default: return ColourModel::kOther;
  }
}

int colour_samples(ColourModel model) noexcept {
  switch (model) {
    case ColourModel::kGrey: return 1;
    case ColourModel::kRgb:
    case ColourModel::kLab: return 3;
    case ColourModel::kCmyk: return 4;
    case ColourModel::kOther: return 0;
  }
  return 0;
}

bool fits_model(ByteSpan profile, ColourModel model) noexcept {
  constexpr std::uint8_t kVersionMax = 5;
  if (profile.size() < kHeaderBytes) return false;
  const std::string_view text = as_text(profile);
  const std::uint8_t version = profile[kVersionAt];
  return version >= 1 && version <= kVersionMax && text.substr(kSignatureAt, 4) == "acsp" &&
         is_class_of_pictures(text.substr(kClassAt, 4)) &&
         text.substr(kSpaceAt, 4) == space_of(model);
}

bool profile_fits(VipsImage* image) noexcept {
  if (vips_image_get_typeof(image, VIPS_META_ICC_NAME) == 0) return true;
  return fits_model(blob_of(image, VIPS_META_ICC_NAME), colour_model(image));
}

void drop_strange_profile(VipsImage* image, const Logger* log) {
  if (profile_fits(image)) return;
  const ByteSpan profile = blob_of(image, VIPS_META_ICC_NAME);
  const bool header = profile.size() >= kHeaderBytes;
  const std::string space(header ? as_text(profile).substr(kSpaceAt, 4) : "no");
  vips_image_remove(image, VIPS_META_ICC_NAME);
  if (log == nullptr) return;
  log->debug("colour profile left out: of '" + space + "' colours, the picture's are '" +
             std::string(space_of(colour_model(image))) + "'");
}

void set_coded_profile(const format::CodedColours& says, VipsImage* image) {
  constexpr std::uint32_t kP3 = 12;
  // sRGB's curve; BT.709's by its four numbers, which viewers take for the same; not said.
  constexpr std::uint32_t kCurves[] = {13, 1, 6, 14, 15, 2};
  const bool curve =
      std::find(std::begin(kCurves), std::end(kCurves), says.transfer) != std::end(kCurves);
  if (says.primaries != kP3 || !curve || colour_model(image) != ColourModel::kRgb ||
      vips_image_get_typeof(image, VIPS_META_ICC_NAME) != 0) {
    return;
  }
  VipsBlob* profile = nullptr;
  if (vips_profile_load("p3", &profile, nullptr) != 0 || profile == nullptr) {
    drop_vips_error();
    return;
  }
  std::size_t size = 0;
  const void* bytes = vips_blob_get(profile, &size);
  vips_image_set_blob_copy(image, VIPS_META_ICC_NAME, bytes, size);
  vips_area_unref(reinterpret_cast<VipsArea*>(profile));
}

}  // namespace imgring::image
