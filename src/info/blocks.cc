// Segments of JPEG, chunks of PNG and WebP.
#include "imgring/info/blocks.h"

#include <zlib.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "imgring/base/byte_reader.h"
#include "imgring/format/headers.h"
#include "tiff_exif.h"

namespace imgring::info {
namespace {

// Of a walk over the parts of a file, as format/headers.h has it.
constexpr int kPartsMax = 1 << 14;
// Photoshop divides its resources among segments; those of a picture are joined up to the limit.
constexpr std::string_view kPhotoshopHead("Photoshop 3.0\0", 14);
constexpr std::string_view kXmpHead("http://ns.adobe.com/xap/1.0/\0", 29);
constexpr std::string_view kExifHead("Exif\0\0", 6);

// A part's name and what is in it; false ends the walk.
using Visit = std::function<bool(std::uint32_t marker, ByteSpan body)>;

// Up to the first scan; true when that was reached.
bool walk_jpeg(ByteSpan s, const Visit& visit) {
  constexpr std::uint8_t kScan = 0xDA, kEnd = 0xD9;
  if (!as_text(s).starts_with("\xFF\xD8")) return false;
  std::size_t at = 2;
  for (int part = 0; part < kPartsMax && slice(s, at, 4); ++part) {
    if (s[at] != 0xFF) return false;
    const std::uint8_t marker = s[at + 1];
    if (marker == 0xFF) {
      ++at;
      continue;
    }
    if (marker == kScan) return true;
    if (marker == kEnd) return false;
    const std::uint32_t length = *read_be(s, at + 2, 2);
    const auto body = slice(s, at + 4, std::max<std::uint32_t>(length, 2) - 2);
    if (length < 2 || !body) return false;
    if (!visit(marker, *body)) return false;
    at += 2 + std::size_t{length};
  }
  return false;
}

constexpr std::uint32_t four(const char (&name)[5]) noexcept {
  return static_cast<std::uint32_t>(static_cast<unsigned char>(name[0])) << 24 |
         static_cast<std::uint32_t>(static_cast<unsigned char>(name[1])) << 16 |
         static_cast<std::uint32_t>(static_cast<unsigned char>(name[2])) << 8 |
         static_cast<std::uint32_t>(static_cast<unsigned char>(name[3]));
}

// Up to the pixels; true when their first chunk was reached.
bool walk_png(ByteSpan s, const Visit& visit) {
  constexpr std::size_t kSignatureBytes = 8, kHeadBytes = 8, kCrcBytes = 4;
  std::size_t at = kSignatureBytes;
  for (int part = 0; part < kPartsMax && slice(s, at, kHeadBytes); ++part) {
    const std::uint32_t size = *read_be(s, at, 4), name = *read_be(s, at + 4, 4);
    if (name == four("IDAT")) return true;
    const auto body = slice(s, at + kHeadBytes, size);
    if (!body) return false;
    if (!visit(name, *body)) return false;
    at += kHeadBytes + std::size_t{size} + kCrcBytes;
  }
  return false;
}

// To the end: metadata stands behind the pixels.
void walk_webp(ByteSpan s, const Visit& visit) {
  constexpr std::size_t kFileHeadBytes = 12, kHeadBytes = 8;
  std::size_t at = kFileHeadBytes;
  for (int part = 0; part < kPartsMax && slice(s, at, kHeadBytes); ++part) {
    const std::uint32_t name = *read_be(s, at, 4), size = *read_le(s, at + 4, 4);
    const auto body = slice(s, at + kHeadBytes, size);
    if (!body || !visit(name, *body)) return;
    at += kHeadBytes + std::size_t{size} + (size & 1);
  }
}

// What a chunk of PNG unpacks to; nullopt: broken, or over the limit.
std::optional<std::string> unpack(ByteSpan packed) {
  std::string out(kXmpBlockBytesMax, '\0');
  auto size = static_cast<uLongf>(out.size());
  const int done = uncompress(reinterpret_cast<Bytef*>(out.data()), &size, packed.data(),
                              static_cast<uLong>(packed.size()));
  if (done != Z_OK) return std::nullopt;
  out.resize(size);
  return out;
}

constexpr std::string_view kXmpKeyword("XML:com.adobe.xmp\0", 18);
// International text: keyword, two bytes about packing, language and translated keyword, text.
std::optional<std::string> xmp_of_text(ByteSpan chunk) {
  constexpr std::string_view kKeyword = kXmpKeyword;
  const std::string_view whole = as_text(chunk);
  if (!whole.starts_with(kKeyword) || whole.size() < kKeyword.size() + 2) return std::nullopt;
  const bool packed = whole[kKeyword.size()] != 0;
  std::size_t at = kKeyword.size() + 2;
  for (int text = 0; text < 2; ++text) {
    at = whole.find('\0', at);
    if (at == std::string_view::npos) return std::nullopt;
    ++at;
  }
  if (packed) return unpack(chunk.subspan(at));
  return std::string(whole.substr(at));
}

void set_first(std::string* block, std::string_view text) {
  if (block->empty()) *block = text;
}

MetadataBlocks blocks_of_jpeg(ByteSpan file) {
  MetadataBlocks out;
  walk_jpeg(file, [&](std::uint32_t marker, ByteSpan body) {
    const std::string_view text = as_text(body);
    if (marker == 0xE1 && text.starts_with(kExifHead)) set_first(&out.exif, text);
    if (marker == 0xE1 && text.starts_with(kXmpHead)) {
      set_first(&out.xmp, text.substr(kXmpHead.size()));
    }
    const bool room = out.photoshop.size() + text.size() <= kIptcBlockBytesMax;
    if (marker == 0xED && text.starts_with(kPhotoshopHead) && room) {
      out.photoshop += text.substr(kPhotoshopHead.size());
    }
    return true;
  });
  return out;
}

MetadataBlocks blocks_of_png(ByteSpan file) {
  MetadataBlocks out;
  bool seen = false;  // the first one counts, good or not: each may unpack to 256 KiB
  walk_png(file, [&](std::uint32_t name, ByteSpan body) {
    if (name == four("eXIf")) set_first(&out.exif, as_text(body));
    if (name == four("iTXt") && as_text(body).starts_with(kXmpKeyword) &&
        !std::exchange(seen, true)) {
      out.xmp = xmp_of_text(body).value_or("");
    }
    return true;
  });
  return out;
}

MetadataBlocks blocks_of_webp(ByteSpan file) {
  MetadataBlocks out;
  walk_webp(file, [&](std::uint32_t name, ByteSpan body) {
    if (name == four("EXIF")) set_first(&out.exif, as_text(body));
    if (name == four("XMP ")) set_first(&out.xmp, as_text(body));
    return true;
  });
  return out;
}

bool webp_tells(ByteSpan s, const url::InfoOptions& wanted) noexcept {
  constexpr std::size_t kEnough = 30, kFlags = 20;
  constexpr std::uint8_t kExif = 0x08, kXmp = 0x04;
  if (s.size() < kEnough) return false;
  if (as_text(s).substr(12, 4) != "VP8X") return true;
  // The orientation is EXIF's, too.
  if ((s[kFlags] & kExif) != 0 && (wanted.exif || wanted.dimensions)) return false;
  return (s[kFlags] & kXmp) == 0 || !wanted.xmp;
}

}  // namespace

bool has_own_blocks(ImageType type) noexcept {
  return type == ImageType::kJpeg || type == ImageType::kPng || type == ImageType::kWebp;
}

MetadataBlocks metadata_blocks(ByteSpan file, ImageType type) {
  if (type == ImageType::kJpeg) return blocks_of_jpeg(file);
  if (type == ImageType::kPng) return blocks_of_png(file);
  if (type == ImageType::kWebp) return blocks_of_webp(file);
  MetadataBlocks out;
  if (type == ImageType::kTiff) out.exif = exif_of_tiff(file);
  return out;
}

bool reaches_pixels(ByteSpan s, ImageType type) noexcept {
  const auto all = [](std::uint32_t, ByteSpan) { return true; };
  if (type == ImageType::kJpeg) return walk_jpeg(s, all);
  if (type == ImageType::kPng) return walk_png(s, all);
  return type == ImageType::kWebp;
}

bool header_tells(ByteSpan s, ImageType type, const url::InfoOptions& wanted) {
  if (wanted.wants_file() || type == ImageType::kUnknown) return false;
  if (!wanted.dimensions && !wanted.wants_metadata()) return true;
  // Its picture and its metadata may stand anywhere, or libvips has to be asked.
  const bool simple = has_own_blocks(type) || type == ImageType::kGif || type == ImageType::kBmp;
  if (!simple) return false;
  if (type == ImageType::kWebp ? !webp_tells(s, wanted)
                               : has_own_blocks(type) && !reaches_pixels(s, type)) {
    return false;
  }
  constexpr std::size_t kBmpHeadBytes = 54, kGifHeadBytes = 13;
  if (type == ImageType::kBmp && s.size() < kBmpHeadBytes) return false;
  if (type == ImageType::kGif && s.size() < kGifHeadBytes) return false;
  return format::facts_of_header(s, type, 1).has_value();
}

}  // namespace imgring::info
