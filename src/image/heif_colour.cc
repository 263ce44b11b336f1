// Divisions by alpha, bands of greys, profiles by code points.
#include "heif_colour.h"

#include <string>

#include "blobs.h"
#include "encoders.h"
#include "imgring/format/heif_boxes.h"
#include "operation.h"
#include "profile.h"

namespace imgring::image {
Result<VipsImagePtr> as_grey_as_coded(VipsImage* image, ByteSpan source) {
  const bool rgb = colour_model(image) == ColourModel::kRgb && vips_image_get_bands(image) >= 3;
  const bool grey = rgb && vips_image_get_typeof(image, VIPS_META_ICC_NAME) != 0 &&
                    fits_model(blob_of(image, VIPS_META_ICC_NAME), ColourModel::kGrey);
  if (!grey || !format::heif_says(source).monochrome) {
    g_object_ref(image);
    return VipsImagePtr(image);
  }
  IMGRING_TRY(VipsImagePtr one, Operation("extract_band").set("in", image).set("band", 0).image());
  if (vips_image_hasalpha(image) != 0) {
    IMGRING_TRY(const VipsImagePtr alpha,
                Operation("extract_band").set("in", image).set("band", 3).image());
    VipsImage* both = nullptr;
    if (vips_bandjoin2(one.get(), alpha.get(), &both, nullptr) != 0) {
      return std::unexpected(vips_failure("heif"));
    }
    one.reset(both);
  }
  const bool wide = vips_image_get_format(one.get()) == VIPS_FORMAT_USHORT;
  const int space = wide ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W;
  return Operation("copy").set("in", one.get()).set("interpretation", space).image();
}

namespace {

// libvips knows a packet of XMP by its first element, and takes one with the usual wrapper for
// something else.
void find_wrapped_xmp(VipsImage* image) {
  if (vips_image_get_typeof(image, VIPS_META_XMP_NAME) != 0) return;
  constexpr std::string_view kOther = "heif-mime-", kWrapper = "<?xpacket";
  char** const names = vips_image_get_fields(image);
  for (char** name = names; name != nullptr && *name != nullptr; ++name) {
    if (!std::string_view(*name).starts_with(kOther)) continue;
    const std::string packet(as_text(blob_of(image, *name)));
    if (!packet.starts_with(kWrapper) || packet.size() > kXmpBytesMax) continue;
    vips_image_remove(image, *name);
    vips_image_set_blob_copy(image, VIPS_META_XMP_NAME, packet.data(), packet.size());
    break;
  }
  g_strfreev(names);
}

}  // namespace

Result<VipsImagePtr> as_heif_says(VipsImage* image, ByteSpan source) {
  find_wrapped_xmp(image);
  const format::HeifSays says = format::heif_says(source);
  set_coded_profile({says.primaries, says.transfer}, image);
  if (!says.premultiplied || vips_image_hasalpha(image) == 0) {
    g_object_ref(image);
    return VipsImagePtr(image);
  }
  IMGRING_TRY(const VipsImagePtr divided, Operation("unpremultiply").set("in", image).image());
  return Operation("cast")
      .set("in", divided.get())
      .set("format", static_cast<int>(vips_image_get_format(image)))
      .image();
}

}  // namespace imgring::image
