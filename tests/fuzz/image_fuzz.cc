// Fuzz target: what of our own sees other pictures first: the JPEG and PNG checks before
// libvips, IPTC, XMP and EXIF. The first byte picks one.
#include <cstddef>
#include <cstdint>

#include "imgring/image/metadata.h"
#include "picture.h"
#include "target.h"

namespace {

using namespace imgring;
using namespace imgring::image;

void strip(ByteSpan bytes, const char* field) {
  VipsImage* raw = nullptr;
  if (vips_black(&raw, 1, 1, nullptr) != 0) return;
  const VipsImagePtr image(raw);
  vips_image_set_blob_copy(image.get(), field, bytes.data(), bytes.size());
  strip_metadata(image.get(), StripParams{});
  job_finished();
}

}  // namespace

FUZZ_TARGET(image) {
  if (size < 1 || !fuzz::libvips_ready()) return 0;
  const ByteSpan bytes(data + 1, size - 1);
  const char kind = static_cast<char>(data[0]);
  if (kind == 'j') fuzz::read_picture(bytes, ImageType::kJpeg);
  if (kind == 'p') fuzz::read_picture(bytes, ImageType::kPng);
  if (kind == 'c') strip(bytes, VIPS_META_IPTC_NAME);
  if (kind == 'x') strip(bytes, VIPS_META_XMP_NAME);
  if (kind == 'e') strip(bytes, VIPS_META_EXIF_NAME);
  return 0;
}
