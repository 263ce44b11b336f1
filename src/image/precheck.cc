// Marker and chunk walks. Broken structure is no error here: the decoder says that in its own
// words.
#include "precheck.h"

#include <zlib.h>

#include <array>
#include <cstring>

#include "byte_reader.h"

namespace imgring::image {
namespace {

constexpr std::uint8_t kJpegSos = 0xDA, kJpegEoi = 0xD9, kJpegTem = 0x01;

bool is_restart(std::uint8_t marker) noexcept { return marker >= 0xD0 && marker <= 0xD7; }
bool stands_alone(std::uint8_t marker) noexcept {
  return is_restart(marker) || marker == 0xD8 || marker == kJpegTem;
}

// Offset of the next marker's 0xFF at or after `offset`, over entropy-coded data; size when none.
std::size_t next_marker(ByteSpan s, std::size_t offset) noexcept {
  while (offset + 1 < s.size()) {
    const void* at = std::memchr(s.data() + offset, 0xFF, s.size() - offset - 1);
    if (at == nullptr) return s.size();
    offset = static_cast<std::size_t>(static_cast<const std::uint8_t*>(at) - s.data());
    const std::uint8_t marker = s[offset + 1];
    if (marker != 0 && marker != 0xFF && !is_restart(marker)) return offset;
    offset += marker == 0xFF ? 1 : 2;
  }
  return s.size();
}

using ChunkName = std::array<char, 4>;

// Bytes zlib makes of `packed`, stopping above the limit.
std::size_t inflated_bytes(ByteSpan packed, std::size_t limit_bytes) noexcept {
  z_stream z{};
  if (inflateInit(&z) != Z_OK) return 0;
  std::array<std::uint8_t, 8192> sink;
  z.next_in = const_cast<std::uint8_t*>(packed.data());
  z.avail_in = static_cast<uInt>(std::min<std::size_t>(packed.size(), 0x7FFFFFFF));
  std::size_t made = 0;
  int state = Z_OK;
  while (state == Z_OK && made <= limit_bytes) {
    z.next_out = sink.data();
    z.avail_out = static_cast<uInt>(sink.size());
    state = inflate(&z, Z_NO_FLUSH);
    made += sink.size() - z.avail_out;
    if (state == Z_BUF_ERROR) break;
  }
  inflateEnd(&z);
  return made;
}

// Where the compressed part of an iCCP, zTXt or iTXt chunk starts; its size when there is none.
std::size_t packed_offset(const ChunkName& name, ByteSpan data) noexcept {
  std::size_t at = 0;
  while (at < data.size() && data[at] != 0) ++at;
  const bool itxt = name == ChunkName{'i', 'T', 'X', 't'};
  if (!itxt) return std::min(at + 2, data.size());
  if (at + 3 > data.size() || data[at + 1] == 0) return data.size();
  at += 3;
  for (int strings = 0; strings < 2; ++strings) {
    while (at < data.size() && data[at] != 0) ++at;
    at = std::min(at + 1, data.size());
  }
  return at;
}

}  // namespace

Result<void> check_jpeg(ByteSpan s) {
  int scans = 0;
  std::size_t at = 2;  // after SOI
  while (true) {
    at = next_marker(s, at);
    if (at >= s.size()) return {};
    const std::uint8_t marker = s[at + 1];
    at += 2;
    if (marker == kJpegEoi) return {};
    if (stands_alone(marker)) continue;
    const auto length = read_be(s, at, 2);
    if (!length || *length < 2) return {};
    at += *length;
    if (at > s.size()) return {};
    if (marker == kJpegSos && ++scans > kJpegScansMax) {
      return fail(ErrorCode::kBrokenImage, "JPEG with more than 100 scans");
    }
  }
}

Result<void> check_png(ByteSpan s) {
  int texts = 0;
  std::size_t decoded_bytes = 0;
  std::size_t at = 8;  // after the signature
  while (true) {
    const auto length = read_be(s, at, 4);
    const auto name_bytes = slice(s, at + 4, 4);
    if (!length || !name_bytes) return {};
    ChunkName name;
    std::memcpy(name.data(), name_bytes->data(), 4);
    const auto data = slice(s, at + 8, *length);
    if (!data) {
      // libpng takes memory for the length, before it finds out; for pixels it does not.
      const bool pixels = name == ChunkName{'I', 'D', 'A', 'T'};
      if (pixels || *length <= kPngMissingBytesMax) return {};
      return fail(ErrorCode::kBrokenImage, "PNG chunk longer than the file");
    }
    at += 12 + std::size_t{*length};
    const bool plain_text = name == ChunkName{'t', 'E', 'X', 't'};
    const bool packed_text = name == ChunkName{'z', 'T', 'X', 't'} ||
                             name == ChunkName{'i', 'T', 'X', 't'};
    const bool profile = name == ChunkName{'i', 'C', 'C', 'P'};
    if ((plain_text || packed_text) && ++texts > kPngTextChunksMax) {
      return fail(ErrorCode::kBrokenImage, "PNG with more than 1000 text chunks");
    }
    if (!plain_text && !packed_text && !profile) continue;
    std::size_t size_bytes = data->size();
    if (!plain_text && size_bytes <= kPngChunkDecodedBytesMax) {
      size_bytes = inflated_bytes(data->subspan(packed_offset(name, *data)),
                                  kPngChunkDecodedBytesMax);
    }
    decoded_bytes += size_bytes;
    if (size_bytes > kPngChunkDecodedBytesMax || decoded_bytes > kPngChunksDecodedBytesMax) {
      return fail(ErrorCode::kBrokenImage, "PNG text or profile over 4 MiB, or 16 MiB in all");
    }
  }
}

}  // namespace imgring::image
