// TIFF structure of a small EXIF block, little-endian, entries in the order of their tags.
#include "exif_block.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "encoders.h"
#include "imgring/base/byte_reader.h"

namespace imgring::image {
namespace {

constexpr const char* kCopyright = "exif-ifd0-Copyright";
constexpr const char* kArtist = "exif-ifd0-Artist";
constexpr double kMmPerInch = 25.4, kMmPerCm = 10.0;

enum Format : std::uint16_t { kAscii = 2, kShort = 3, kLong = 4, kRational = 5, kUndefined = 7 };

void put16(std::vector<std::uint8_t>* out, std::uint32_t v) {
  out->push_back(static_cast<std::uint8_t>(v));
  out->push_back(static_cast<std::uint8_t>(v >> 8));
}
void put32(std::vector<std::uint8_t>* out, std::uint32_t v) {
  put16(out, v & 0xFFFF);
  put16(out, v >> 16);
}

struct Entry {
  std::uint16_t tag;
  Format format;
  std::uint32_t count;
  std::vector<std::uint8_t> value;
};

Entry short_entry(std::uint16_t tag, int value) {
  Entry entry{tag, kShort, 1, {}};
  put16(&entry.value, static_cast<std::uint32_t>(value));
  return entry;
}
Entry long_entry(std::uint16_t tag, std::uint32_t value) {
  Entry entry{tag, kLong, 1, {}};
  put32(&entry.value, value);
  return entry;
}
// libexif's closest fraction: whole numbers stay whole, others to a thousandth.
Entry rational_entry(std::uint16_t tag, double value) {
  Entry entry{tag, kRational, 1, {}};
  const double clamped = std::clamp(value, 0.0, 4.0e6);
  const double whole = std::round(clamped);
  const bool is_whole = std::abs(clamped - whole) < 1e-4;
  put32(&entry.value, static_cast<std::uint32_t>(is_whole ? whole : std::round(clamped * 1000)));
  put32(&entry.value, is_whole ? 1 : 1000);
  return entry;
}
Entry text_entry(std::uint16_t tag, std::string_view text) {
  Entry entry{tag, kAscii, static_cast<std::uint32_t>(text.size() + 1), {}};
  entry.value.assign(text.begin(), text.end());
  entry.value.push_back(0);
  return entry;
}
Entry bytes_entry(std::uint16_t tag, std::string_view bytes) {
  Entry entry{tag, kUndefined, static_cast<std::uint32_t>(bytes.size()), {}};
  entry.value.assign(bytes.begin(), bytes.end());
  return entry;
}

// Appends a directory at the current end; values longer than four bytes follow it.
void put_directory(std::vector<std::uint8_t>* tiff, const std::vector<Entry>& entries) {
  std::size_t data_at = tiff->size() + 2 + entries.size() * 12 + 4;
  std::vector<std::uint8_t> data;
  put16(tiff, static_cast<std::uint32_t>(entries.size()));
  for (const Entry& entry : entries) {
    put16(tiff, entry.tag);
    put16(tiff, entry.format);
    put32(tiff, entry.count);
    if (entry.value.size() > 4) {
      put32(tiff, static_cast<std::uint32_t>(data_at + data.size()));
      data.insert(data.end(), entry.value.begin(), entry.value.end());
      if (data.size() % 2 != 0) data.push_back(0);
      continue;
    }
    std::vector<std::uint8_t> value = entry.value;
    value.resize(4);
    tiff->insert(tiff->end(), value.begin(), value.end());
  }
  put32(tiff, 0);
  tiff->insert(tiff->end(), data.begin(), data.end());
}

// libvips shows a text as "value (value, ASCII, 6 components, 6 bytes)"; a value set by hand stands
// alone.
std::string_view without_description(std::string_view shown) noexcept {
  const std::size_t comma = shown.rfind(", ASCII, ");
  if (comma == std::string_view::npos || !shown.ends_with(')')) return shown;
  const std::string_view twice = shown.substr(0, comma);  // "value (value"
  if (twice.size() < 2) return shown;
  const std::size_t size = (twice.size() - 2) / 2;
  const bool doubled = twice.size() == size * 2 + 2 && twice.substr(size, 2) == " (" &&
                       twice.substr(0, size) == twice.substr(size + 2);
  return doubled ? twice.substr(0, size) : shown.substr(0, shown.rfind(" ("));
}

std::optional<std::string> field_text(VipsImage* image, const char* field) {
  const char* raw = nullptr;
  if (vips_image_get_typeof(image, field) == 0) return std::nullopt;
  if (vips_image_get_string(image, field, &raw) != 0) return std::nullopt;
  return std::string(without_description(raw));
}

// Byte order of a TIFF structure decides how its numbers read.
struct TiffView {
  ByteSpan bytes;
  bool big_endian;
  std::uint32_t number(std::size_t at, int width_bytes) const noexcept {
    return (big_endian ? read_be(bytes, at, width_bytes) : read_le(bytes, at, width_bytes))
        .value_or(0);
  }
};

std::optional<TiffView> tiff_of(ByteSpan exif) noexcept {
  constexpr std::string_view kPrefix("Exif\0\0", 6);
  if (as_text(exif).starts_with(kPrefix)) exif = exif.subspan(kPrefix.size());
  if (exif.size() < 8) return std::nullopt;
  if (as_text(exif).starts_with("II")) return TiffView{exif, false};
  if (as_text(exif).starts_with("MM")) return TiffView{exif, true};
  return std::nullopt;
}

// Bytes of an ASCII tag of the first directory, as the camera wrote them.
std::optional<std::string> source_text(ByteSpan exif, std::uint16_t tag) {
  const auto tiff = tiff_of(exif);
  if (!tiff) return std::nullopt;
  const std::size_t directory = tiff->number(4, 4);
  const std::uint32_t count = tiff->number(directory, 2);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t at = directory + 2 + std::size_t{i} * 12;
    if (!slice(tiff->bytes, at, 12)) return std::nullopt;
    if (tiff->number(at, 2) != tag || tiff->number(at + 2, 2) != kAscii) continue;
    const std::size_t size = tiff->number(at + 4, 4);
    const std::size_t value_at = size <= 4 ? at + 8 : tiff->number(at + 8, 4);
    const auto value = slice(tiff->bytes, value_at, size);
    if (!value) return std::nullopt;
    const std::string_view text = as_text(*value);
    return std::string(text.substr(0, text.find('\0')));
  }
  return std::nullopt;
}

struct TextTag {
  std::uint16_t tag;
  const char* field;
};
constexpr TextTag kArtistTag{0x013B, kArtist}, kCopyrightTag{0x8298, kCopyright};

// The field says whether the text is wanted, the source's own block how its bytes are.
std::optional<std::string> text_of(VipsImage* image, const TextTag& tag) {
  if (vips_image_get_typeof(image, tag.field) == 0) return std::nullopt;
  auto text = source_text(blob_of(image, VIPS_META_EXIF_NAME), tag.tag);
  return text ? text : field_text(image, tag.field);
}

void* find_rich_field(VipsImage*, const char* name, GValue*, void* found) noexcept {
  const bool rich = std::strncmp(name, "exif-ifd", 8) == 0 && std::strcmp(name, kCopyright) != 0 &&
                    std::strcmp(name, kArtist) != 0;
  if (rich) *static_cast<bool*>(found) = true;
  return nullptr;
}

struct Resolution {
  int unit;  // EXIF: 1 none, 2 inch, 3 cm
  double x, y;
};
Resolution resolution_of(VipsImage* image) noexcept {
  const char* name = nullptr;
  std::string_view unit = "in";
  if (vips_image_get_typeof(image, VIPS_META_RESOLUTION_UNIT) != 0 &&
      vips_image_get_string(image, VIPS_META_RESOLUTION_UNIT, &name) == 0) {
    unit = name;
  }
  const double x = vips_image_get_xres(image), y = vips_image_get_yres(image);
  if (unit.starts_with("cm")) return {3, x * kMmPerCm, y * kMmPerCm};
  if (unit.starts_with("none")) return {1, x, y};
  return {2, x * kMmPerInch, y * kMmPerInch};
}

int exif_orientation(VipsImage* image) noexcept {
  int orientation = 1;
  if (vips_image_get_typeof(image, VIPS_META_ORIENTATION) == 0) return 1;
  return vips_image_get_int(image, VIPS_META_ORIENTATION, &orientation) == 0 ? orientation : 1;
}

std::vector<Entry> main_entries(VipsImage* image, bool fresh) {
  const Resolution resolution = resolution_of(image);
  std::vector<Entry> entries;
  entries.push_back(short_entry(0x0112, exif_orientation(image)));
  entries.push_back(rational_entry(0x011A, resolution.x));
  entries.push_back(rational_entry(0x011B, resolution.y));
  entries.push_back(short_entry(0x0128, resolution.unit));
  if (const auto text = text_of(image, kArtistTag)) entries.push_back(text_entry(0x013B, *text));
  if (fresh) entries.push_back(short_entry(0x0213, 1));  // YCbCr positioning
  if (const auto text = text_of(image, kCopyrightTag)) entries.push_back(text_entry(0x8298, *text));
  return entries;
}

// A block made afresh gets the fields the standard requires; one that came with the source only
// what was left of it.
std::vector<Entry> picture_entries(VipsImage* image, bool fresh) {
  using namespace std::string_view_literals;
  std::vector<Entry> entries;
  if (fresh) {
    entries.push_back(bytes_entry(0x9000, "0210"));
    entries.push_back(bytes_entry(0x9101, "\1\2\3\0"sv));
    entries.push_back(bytes_entry(0xA000, "0100"));
    entries.push_back(short_entry(0xA001, 0xFFFF));
  }
  entries.push_back(long_entry(0xA002, static_cast<std::uint32_t>(vips_image_get_width(image))));
  entries.push_back(long_entry(0xA003, static_cast<std::uint32_t>(vips_image_get_height(image))));
  return entries;
}

}  // namespace

bool has_plain_exif(VipsImage* image) noexcept {
  if (vips_image_get_typeof(image, "jpeg-thumbnail-data") != 0) return false;
  bool rich = false;
  vips_image_map(image, find_rich_field, &rich);
  return !rich;
}

std::vector<std::uint8_t> plain_exif_block(VipsImage* image) {
  const bool fresh = vips_image_get_typeof(image, VIPS_META_EXIF_NAME) == 0;
  std::vector<Entry> main = main_entries(image, fresh);
  std::size_t main_bytes = 8 + 2 + (main.size() + 1) * 12 + 4;
  for (const Entry& entry : main) {
    if (entry.value.size() > 4) main_bytes += entry.value.size() + entry.value.size() % 2;
  }
  main.push_back(long_entry(0x8769, static_cast<std::uint32_t>(main_bytes)));
  constexpr std::uint8_t kTiffHead[] = {'I', 'I', 42, 0, 8, 0, 0, 0};
  std::vector<std::uint8_t> tiff(kTiffHead, kTiffHead + sizeof kTiffHead);
  put_directory(&tiff, main);
  put_directory(&tiff, picture_entries(image, fresh));
  constexpr std::uint8_t kPrefix[] = {'E', 'x', 'i', 'f', 0, 0};
  std::vector<std::uint8_t> block(kPrefix, kPrefix + sizeof kPrefix);
  block.insert(block.end(), tiff.begin(), tiff.end());
  return block;
}

}  // namespace imgring::image
