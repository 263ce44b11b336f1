// Icons: the best picture of the directory that can be read, a PNG or a bitmap without file header.
// Promises: reads nothing outside the span, believes no size, and refuses an icon inside an icon.
#include "imgring/format/ico_directory.h"
#include "imgring/format/sniff.h"
#include "operation.h"
#include "readers.h"

namespace imgring::image {
namespace {

// Pictures that are tried: opening one may unpack the texts of a PNG.
constexpr int kTriesMax = 8;

Result<VipsImagePtr> load_entry(const format::IcoEntry& entry) {
  if (format::is_png(entry.data)) return load(entry.data, ImageType::kPng, LoadParams{});
  return load_ico_bitmap(entry.data, entry.mask);
}

// The pixels and nothing of what the picture says of itself (profile, EXIF, palette), as imgproxy's
// reader hands them on; how they may be read stays.
Result<VipsImagePtr> bare(VipsImage* image) {
  IMGRING_TRY(VipsImagePtr own, Operation("copy").set("in", image).image());
  char** const fields = vips_image_get_fields(own.get());
  for (char** field = fields; *field != nullptr; ++field) {
    if (std::string_view(*field) != "vips-sequential") vips_image_remove(own.get(), *field);
  }
  g_strfreev(fields);
  vips_image_remove(own.get(), "palette-bit-depth");  // not listed among the fields
  return own;
}

}  // namespace

Result<VipsImagePtr> load_ico(ByteSpan source) {
  Error first(ErrorCode::kBrokenImage, "icoload: no picture inside the file");
  int tries = 0;
  for (const format::IcoEntry& entry : format::ico_entries(source)) {
    auto image = load_entry(entry);
    if (image) return bare(image->get());
    if (tries == 0) first = std::move(image).error();
    if (++tries == kTriesMax) break;
  }
  return std::unexpected(std::move(first));
}

}  // namespace imgring::image
