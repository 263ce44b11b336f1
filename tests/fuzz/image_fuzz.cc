// Fuzz target: the parsers of our own that see pictures first: type detection, ICO and BMP with
// their pixels, the JPEG and PNG checks before libvips, the SVG sanitiser and limits, IPTC and XMP.
// The first byte picks one. What it checks beside memory errors: sanitising twice changes nothing
// and leaves nothing that runs; a picture that was accepted can be read or refused, within 4
// megapixels.
#include <cstddef>
#include <cstdint>
#include <string>

#include "imgring/base/check.h"
#include "imgring/image/encoder.h"
#include "imgring/image/loader.h"
#include "imgring/image/metadata.h"
#include "imgring/image/sniff.h"
#include "imgring/image/svg.h"

namespace {

using namespace imgring;
using namespace imgring::image;

constexpr std::int64_t kPixelsMax = 4'000'000;

bool libvips_ready() {
  static const bool ready = init_vips("image_fuzz").has_value();
  return ready;
}

void read_picture(ByteSpan bytes, ImageType type) {
  const auto picture = load(bytes, type, LoadParams{});
  if (!picture) {
    IMGRING_CHECK(picture.error().code == ErrorCode::kBrokenImage);
    job_finished();
    return;
  }
  const std::int64_t width = vips_image_get_width(picture->get());
  const std::int64_t height = vips_image_get_height(picture->get());
  if (width * height <= kPixelsMax) {
    const auto pixels = copy_to_memory(picture->get(), StopFlag{});
    IMGRING_CHECK(pixels.has_value() || pixels.error().code == ErrorCode::kBrokenImage);
  }
  job_finished();
}

void sanitize(ByteSpan bytes) {
  static_cast<void>(check_svg_limits(bytes));
  const auto once = sanitize_svg(bytes);
  if (!once) {
    IMGRING_CHECK(once.error().code == ErrorCode::kBrokenSvg);
    return;
  }
  const auto twice = sanitize_svg(as_bytes(*once));
  IMGRING_CHECK(twice.has_value());
  IMGRING_CHECK(*twice == *once);
  for (const std::string_view tag : {"<script", "<iframe", "<form", "<!DOCTYPE", "<!ENTITY", "<!--",
                                    "<![CDATA["}) {
    IMGRING_CHECK(once->find(tag) == std::string::npos);
  }
}

void strip(ByteSpan bytes, const char* field) {
  VipsImage* raw = nullptr;
  if (vips_black(&raw, 1, 1, nullptr) != 0) return;
  const VipsImagePtr image(raw);
  vips_image_set_blob_copy(image.get(), field, bytes.data(), bytes.size());
  strip_metadata(image.get(), StripParams{});
  job_finished();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || !libvips_ready()) return 0;
  const ByteSpan bytes(data + 1, size - 1);
  const char kind = static_cast<char>(data[0]);
  static_cast<void>(detect_type(bytes, ".dng", "image/x-raw"));
  if (kind == 'i') read_picture(bytes, ImageType::kIco);
  if (kind == 'b') read_picture(bytes, ImageType::kBmp);
  if (kind == 'j') read_picture(bytes, ImageType::kJpeg);
  if (kind == 'p') read_picture(bytes, ImageType::kPng);
  if (kind == 's') sanitize(bytes);
  if (kind == 'c') strip(bytes, VIPS_META_IPTC_NAME);
  if (kind == 'x') strip(bytes, VIPS_META_XMP_NAME);
  if (kind == 'e') strip(bytes, VIPS_META_EXIF_NAME);
  return 0;
}
