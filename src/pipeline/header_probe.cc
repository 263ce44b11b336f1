// Sizes and orientation of JPEG and still WebP by a reader of our own, so that their loaders are
// opened once, with the right shrink. What is odd is left to libvips: nullopt.
// Owns nothing. Any thread. Promises: reads within the span only, linear in the header's segments.
#include <webp/decode.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "load.h"

namespace imgring::pipeline {
namespace {

std::uint32_t big16(ByteSpan s, std::size_t at) noexcept {
  return static_cast<std::uint32_t>(s[at]) << 8 | s[at + 1];
}

// Numbers of a TIFF block, either byte order; 0 outside of it.
class TiffReader {
 public:
  explicit TiffReader(ByteSpan block) noexcept : block_(block), little_(block[0] == 'I') {}
  std::uint32_t u16(std::size_t at) const noexcept {
    if (block_.size() < 2 || at > block_.size() - 2) return 0;
    const std::uint32_t a = block_[at];
    const std::uint32_t b = block_[at + 1];
    return little_ ? a | b << 8 : a << 8 | b;
  }
  std::uint32_t u32(std::size_t at) const noexcept {
    const std::uint32_t a = u16(at);
    const std::uint32_t b = u16(at + 2);
    return little_ ? a | b << 16 : a << 16 | b;
  }

 private:
  ByteSpan block_;
  bool little_;
};

int exif_orientation(ByteSpan block) noexcept {
  constexpr std::uint32_t kOrientationTag = 0x0112;
  constexpr std::size_t kEntryBytes = 12;
  if (block.size() < 8) return 1;
  const TiffReader tiff(block);
  const std::size_t ifd = tiff.u32(4);
  const std::uint32_t entries = tiff.u16(ifd);
  for (std::uint32_t i = 0; i < entries; ++i) {
    const std::size_t entry = ifd + 2 + i * kEntryBytes;
    if (entry >= block.size()) break;
    if (tiff.u16(entry) != kOrientationTag) continue;
    const std::uint32_t value = tiff.u16(entry + 8);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

constexpr std::string_view kExif("Exif\0\0", 6);

constexpr bool is_frame_header(unsigned marker) noexcept {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

// Of a frame header: the components' samples against those of the largest.
double samples_per_pixel(ByteSpan frame) noexcept {
  constexpr std::size_t kFirst = 6, kEach = 3;
  const std::size_t count = frame[5];
  if (count < 1 || count > 4 || frame.size() < kFirst + count * kEach) return 3;
  unsigned sum = 0, across = 1, down = 1;
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned h = frame[kFirst + i * kEach + 1] >> 4;
    const unsigned v = frame[kFirst + i * kEach + 1] & 15;
    sum += h * v;
    across = std::max(across, h);
    down = std::max(down, v);
  }
  return static_cast<double>(sum) / (across * down);
}

std::optional<SourceFacts> probe_jpeg(ByteSpan s) noexcept {
  SourceFacts facts;
  facts.type = ImageType::kJpeg;
  if (s.size() < 4 || s[0] != 0xFF || s[1] != 0xD8) return std::nullopt;
  std::size_t at = 2;
  while (s.size() - at >= 4) {
    if (s[at] != 0xFF) return std::nullopt;
    const unsigned marker = s[at + 1];
    if (marker == 0xFF) {  // fill byte
      ++at;
      continue;
    }
    // Start of scan, end, or a marker without a length before the frame header: not for us.
    if (marker == 0xDA || marker == 0xD9 || marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7))
      return std::nullopt;
    const std::size_t length = big16(s, at + 2);
    if (length < 2 || length > s.size() - at - 2) return std::nullopt;
    const ByteSpan body = s.subspan(at + 4, length - 2);
    if (is_frame_header(marker)) {
      if (body.size() < 6) return std::nullopt;
      facts.height = static_cast<int>(big16(body, 1));
      facts.width = static_cast<int>(big16(body, 3));
      facts.whole_decode = marker != 0xC0 && marker != 0xC1;
      facts.samples_per_pixel = samples_per_pixel(body);
      if (facts.width == 0 || facts.height == 0) return std::nullopt;
      return facts;
    }
    if (marker == 0xE1 && facts.orientation == 1 && as_text(body).starts_with(kExif))
      facts.orientation = exif_orientation(body.subspan(kExif.size()));
    at += 2 + length;
  }
  return std::nullopt;
}

std::uint32_t little32(ByteSpan s, std::size_t at) noexcept {
  return static_cast<std::uint32_t>(s[at]) | static_cast<std::uint32_t>(s[at + 1]) << 8 |
         static_cast<std::uint32_t>(s[at + 2]) << 16 | static_cast<std::uint32_t>(s[at + 3]) << 24;
}

// The EXIF chunk lies behind the pictures' chunks; with or without the name JPEG puts before it.
int webp_orientation(ByteSpan s) noexcept {
  constexpr std::size_t kFileHeaderBytes = 12, kChunkHeaderBytes = 8;
  std::size_t at = kFileHeaderBytes;
  while (at <= s.size() && s.size() - at >= kChunkHeaderBytes) {
    const std::size_t length = little32(s, at + 4);
    const std::size_t left = s.size() - at - kChunkHeaderBytes;
    if (length > left) return 1;
    if (as_text(s).substr(at, 4) == "EXIF") {
      ByteSpan block = s.subspan(at + kChunkHeaderBytes, length);
      if (as_text(block).starts_with(kExif)) block = block.subspan(kExif.size());
      return exif_orientation(block);
    }
    at += kChunkHeaderBytes + length + (length & 1);
  }
  return 1;
}

std::optional<SourceFacts> probe_webp(ByteSpan s) noexcept {
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(s.data(), s.size(), &features) != VP8_STATUS_OK) return std::nullopt;
  if (features.has_animation != 0) return std::nullopt;
  SourceFacts facts;
  facts.type = ImageType::kWebp;
  facts.width = features.width;
  facts.height = features.height;
  facts.alpha = features.has_alpha != 0;
  facts.orientation = webp_orientation(s);
  return facts;
}

}  // namespace

std::optional<SourceFacts> probe_header(ByteSpan source, ImageType type) {
  if (type == ImageType::kJpeg) return probe_jpeg(source);
  if (type == ImageType::kWebp) return probe_webp(source);
  return std::nullopt;
}

}  // namespace imgring::pipeline
