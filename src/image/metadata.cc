// Which metadata stays (processing.md 8.5). Works on the fields of an image the caller owns alone.
#include "imgring/image/metadata.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "copyright.h"
#include "encoders.h"
#include "exif_block.h"

namespace imgring::image {
namespace {

constexpr double kMmPerInch = 25.4;
constexpr std::string_view kPrivatePrefix = "imgring-";
constexpr std::array<std::string_view, 7> kAlwaysKept = {
    VIPS_META_ICC_NAME, "bits-per-sample", "palette",        "palette-bit-depth",
    "background",       "vips-loader",     "vips-sequential"};
constexpr std::array<std::string_view, 4> kAnimationFields = {"page-height", "delay", "loop",
                                                              "n-pages"};
constexpr std::array<std::string_view, 3> kExifCopyright = {
    VIPS_META_EXIF_NAME, "exif-ifd0-Copyright", "exif-ifd0-Artist"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) noexcept {
  for (const std::string_view known : names) {
    if (known == name) return true;
  }
  return false;
}

bool stays(std::string_view name, const StripParams& params) noexcept {
  if (contains(kAlwaysKept, name) || name.starts_with(kPrivatePrefix)) return true;
  if (params.animated && contains(kAnimationFields, name)) return true;
  return params.keep_copyright && contains(kExifCopyright, name);
}

void set_blob(VipsImage* image, const char* field, std::string_view bytes) {
  if (!bytes.empty()) vips_image_set_blob_copy(image, field, bytes.data(), bytes.size());
}

// The block that came with the source holds everything, the place included; savers that do not
// rebuild it would write it out.
void reduce_exif(VipsImage* image) {
  if (vips_image_get_typeof(image, VIPS_META_EXIF_NAME) == 0) return;
  const bool copyright = vips_image_get_typeof(image, "exif-ifd0-Copyright") != 0 ||
                         vips_image_get_typeof(image, "exif-ifd0-Artist") != 0;
  const std::vector<std::uint8_t> block =
      copyright ? plain_exif_block(image) : std::vector<std::uint8_t>{};
  vips_image_remove(image, VIPS_META_EXIF_NAME);
  set_blob(image, VIPS_META_EXIF_NAME, as_text(block));
}

}  // namespace

void set_resolution(VipsImage* image, double dpi) noexcept {
  image->Xres = image->Yres = dpi / kMmPerInch;
}

void strip_metadata(VipsImage* image, const StripParams& params) {
  std::string iptc, xmp;
  if (params.keep_copyright) {
    iptc = copyright_of_iptc(blob_of(image, VIPS_META_IPTC_NAME));
    xmp = copyright_of_xmp(blob_of(image, VIPS_META_XMP_NAME));
  }
  vips_image_remove(image, VIPS_META_ORIENTATION);
  set_resolution(image, params.dpi);
  // libvips spreads a block that is set into fields: first the block, then the fields go.
  if (params.keep_copyright) reduce_exif(image);
  char** names = vips_image_get_fields(image);
  for (char** name = names; name != nullptr && *name != nullptr; ++name) {
    if (!stays(*name, params)) vips_image_remove(image, *name);
  }
  g_strfreev(names);
  set_resolution(image, params.dpi);
  set_blob(image, VIPS_META_IPTC_NAME, iptc);
  set_blob(image, VIPS_META_XMP_NAME, xmp);
}

VipsImagePtr bare_header(int width, int height, int bands) {
  VipsImagePtr header(vips_image_new());
  vips_image_init_fields(header.get(), width, height, bands, VIPS_FORMAT_UCHAR, VIPS_CODING_NONE,
                         bands >= 3 ? VIPS_INTERPRETATION_sRGB : VIPS_INTERPRETATION_B_W, 1, 1);
  return header;
}

}  // namespace imgring::image
