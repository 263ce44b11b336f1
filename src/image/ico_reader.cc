// Icons: the largest picture of the directory, a PNG or a bitmap without file header.
// Promises: reads nothing outside the span, believes no size, and refuses an icon inside an icon.
#include "byte_reader.h"
#include "operation.h"
#include "readers.h"

namespace imgring::image {
namespace {

constexpr std::size_t kDirectoryBytes = 6, kEntryBytes = 16, kDataBytesMin = 40;
constexpr int kEntriesMax = 256;
constexpr std::string_view kPngSignature = "\x89PNG\r\n\x1a\n";

std::unexpected<Error> broken(const char* what) {
  return fail(ErrorCode::kBrokenImage, std::string("icoload: ") + what);
}

struct Entry {
  int width = 0, height = 0;
  std::uint32_t size_bytes = 0, offset = 0;
};

// A stored side of 0 is 256.
int side_of(std::uint8_t stored) noexcept { return stored == 0 ? 256 : stored; }

Result<Entry> largest_entry(ByteSpan s) {
  const int count = le16(s, 4);
  if (s.size() < kDirectoryBytes || count < 1 || count > kEntriesMax) {
    return broken("no usable directory");
  }
  Entry best;
  for (int i = 0; i < count; ++i) {
    const std::size_t at = kDirectoryBytes + static_cast<std::size_t>(i) * kEntryBytes;
    if (!slice(s, at, kEntryBytes)) return broken("directory cut short");
    const Entry entry{side_of(s[at]), side_of(s[at + 1]), le32(s, at + 8), le32(s, at + 12)};
    if (entry.width > best.width || entry.height > best.height) best = entry;
  }
  return best;
}

Result<VipsImagePtr> load_entry(ByteSpan data) {
  if (as_text(data).starts_with(kPngSignature)) return load(data, ImageType::kPng, LoadParams{});
  return load_ico_bitmap(data);
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
  IMGRING_TRY(const Entry entry, largest_entry(source));
  const auto data = slice(source, entry.offset, entry.size_bytes);
  if (!data || entry.size_bytes < kDataBytesMin) return broken("picture outside of the file");
  IMGRING_TRY(VipsImagePtr image, load_entry(*data));
  if (vips_image_get_width(image.get()) != entry.width ||
      vips_image_get_height(image.get()) != entry.height) {
    return broken("picture of another size than the directory says");
  }
  return bare(image.get());
}

}  // namespace imgring::image
