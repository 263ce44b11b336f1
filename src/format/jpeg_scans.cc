// A walk over markers. Broken structure is no error here: the decoder says that in its own words.
#include "imgring/format/jpeg_scans.h"

#include <cstring>

#include "imgring/base/byte_reader.h"

namespace imgring::format {
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

}  // namespace imgring::format
