// Fuzz target: blocks of metadata, and the files they stand in. The first byte says what the others
// are. What it checks beside memory errors: what is told is UTF-8 without control characters and no
// longer than the limits make it, and a header that tells goes on telling when more comes.
#include <cstddef>
#include <cstdint>
#include <string>

#include "imgring/base/check.h"
#include "imgring/base/text.h"
#include "imgring/info/blocks.h"
#include "imgring/info/metadata.h"
#include "target.h"

namespace {

using namespace imgring;

// Escapes make a byte six.
constexpr std::size_t kTextMax = 6 * (info::kExifEntriesMax * info::kExifValueBytesMax);

void check_text(const info::Json& json) {
  const std::string text = json.write();
  IMGRING_CHECK(text.size() <= kTextMax);
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t length = utf8_length(rest);
    IMGRING_CHECK(length > 0);
    IMGRING_CHECK(static_cast<unsigned char>(rest[0]) >= 0x20);
    rest.remove_prefix(length);
  }
}

void tell(const info::MetadataBlocks& blocks) {
  check_text(info::exif_json(as_bytes(blocks.exif), false));
  check_text(info::exif_json(as_bytes(blocks.exif), true));
  check_text(info::iptc_json(as_bytes(blocks.iptc)));
  check_text(info::xmp_json(as_bytes(blocks.xmp)));
  const info::PhotoshopBlock photoshop = info::photoshop_block(as_bytes(blocks.photoshop));
  check_text(info::iptc_json(photoshop.iptc));
  check_text(info::photoshop_json(photoshop.resolution));
}

void read_file(ByteSpan file, ImageType type) {
  tell(info::metadata_blocks(file, type));
  static_cast<void>(info::header_tells(file, type, {}));
  static_cast<void>(info::reaches_pixels(file, type));
}

}  // namespace

FUZZ_TARGET(metadata) {
  if (size == 0) return 0;
  const ByteSpan rest(data + 1, size - 1);
  const std::string text(as_text(rest));
  switch (data[0]) {
    case 'e': tell({.exif = text, .iptc = {}, .photoshop = {}, .xmp = {}}); break;
    case 'i': tell({.exif = {}, .iptc = text, .photoshop = {}, .xmp = {}}); break;
    case 'p': tell({.exif = {}, .iptc = {}, .photoshop = text, .xmp = {}}); break;
    case 'x': tell({.exif = {}, .iptc = {}, .photoshop = {}, .xmp = text}); break;
    case 'j': read_file(rest, ImageType::kJpeg); break;
    case 'n': read_file(rest, ImageType::kPng); break;
    case 't': read_file(rest, ImageType::kTiff); break;
    case 'w': read_file(rest, ImageType::kWebp); break;
    default: break;
  }
  return 0;
}
