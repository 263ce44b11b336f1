// Sizes and orientation of JPEG and still WebP by a reader of our own, so that their loaders are
// opened once, with the right shrink. What is odd is left to libvips: nullopt.
// Owns nothing. Any thread. Promises: reads within the span only, and no more than kStepsMax of the
// segments or chunks.
#include <webp/decode.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "imgring/image/tiff_reader.h"
#include "load.h"

namespace imgring::pipeline {
namespace {

// Segments and fill bytes of a JPEG, or chunks of a WebP, that are walked over, on a loop's thread.
// As many as kBlocksMax in header_facts.cc.
constexpr int kStepsMax = 1 << 14;

std::uint32_t big16(ByteSpan s, std::size_t at) noexcept {
  return static_cast<std::uint32_t>(s[at]) << 8 | s[at + 1];
}

int exif_orientation(ByteSpan block) noexcept {
  return block.size() < 8 ? 1 : image::TiffReader(block).orientation();
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

// The segments and fill bytes of a JPEG, one a step, up to its first scan.
class JpegWalk {
 public:
  explicit JpegWalk(ByteSpan source) noexcept : s_(source) { facts_.type = ImageType::kJpeg; }

  // What a scan behind the frame header says is waited for, but not needed.
  std::optional<SourceFacts> facts() noexcept {
    if (s_.size() < 4 || s_[0] != 0xFF || s_[1] != 0xD8) return std::nullopt;
    at_ = 2;
    for (int steps = 0; s_.size() - at_ >= 4 && step();) {
      if (++steps > kStepsMax) return std::nullopt;
    }
    if (facts_.width == 0 || facts_.height == 0) return std::nullopt;
    return facts_;
  }

 private:
  bool step() noexcept {
    if (s_[at_] != 0xFF) return false;
    const unsigned marker = s_[at_ + 1];
    if (marker == 0xFF) {  // fill byte
      ++at_;
      return true;
    }
    // The end, or a marker without a length before the scan: not for us.
    if (marker == 0xD9 || marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7)) return false;
    const std::size_t length = big16(s_, at_ + 2);
    if (length < 2 || length > s_.size() - at_ - 2) return false;
    at_ += 2 + length;
    return take(marker, s_.subspan(at_ - length + 2, length - 2));
  }

  bool take(unsigned marker, ByteSpan body) noexcept {
    if (is_frame_header(marker)) return take_frame(marker, body);
    if (marker == 0xDA) {
      // Of scans with a part of the components, libjpeg decodes the last before the first row.
      const bool part = !body.empty() && body[0] < components_;
      facts_.whole_decode = facts_.whole_decode || part;
      return false;
    }
    // The first one counts, as in libvips.
    if (marker == 0xE1 && !has_exif_ && as_text(body).starts_with(kExif)) {
      has_exif_ = true;
      facts_.orientation = exif_orientation(body.subspan(kExif.size()));
    }
    return true;
  }

  bool take_frame(unsigned marker, ByteSpan body) noexcept {
    if (body.size() < 6 || facts_.width != 0) return false;
    facts_.height = static_cast<int>(big16(body, 1));
    facts_.width = static_cast<int>(big16(body, 3));
    facts_.whole_decode = marker != 0xC0 && marker != 0xC1;
    facts_.samples_per_pixel = samples_per_pixel(body);
    components_ = body[5];
    return facts_.width != 0;
  }

  ByteSpan s_;
  std::size_t at_ = 0;
  unsigned components_ = 0;
  bool has_exif_ = false;
  SourceFacts facts_;
};

std::uint32_t little32(ByteSpan s, std::size_t at) noexcept {
  return static_cast<std::uint32_t>(s[at]) | static_cast<std::uint32_t>(s[at + 1]) << 8 |
         static_cast<std::uint32_t>(s[at + 2]) << 16 | static_cast<std::uint32_t>(s[at + 3]) << 24;
}

// The EXIF chunk lies behind the pictures' chunks; with or without the name JPEG puts before it.
// All chunks are counted, behind EXIF too; nullopt: more than kStepsMax.
std::optional<int> webp_orientation(ByteSpan s) noexcept {
  constexpr std::size_t kFileHeaderBytes = 12, kChunkHeaderBytes = 8;
  std::optional<int> found;
  std::size_t at = kFileHeaderBytes;
  for (int steps = 0; at <= s.size() && s.size() - at >= kChunkHeaderBytes;) {
    if (++steps > kStepsMax) return std::nullopt;
    const std::size_t length = little32(s, at + 4);
    const std::size_t left = s.size() - at - kChunkHeaderBytes;
    if (length > left) break;
    if (!found && as_text(s).substr(at, 4) == "EXIF") {
      ByteSpan block = s.subspan(at + kChunkHeaderBytes, length);
      if (as_text(block).starts_with(kExif)) block = block.subspan(kExif.size());
      found = exif_orientation(block);
    }
    at += kChunkHeaderBytes + length + (length & 1);
  }
  return found.value_or(1);
}

std::optional<SourceFacts> probe_webp(ByteSpan s) noexcept {
  // First, as libwebp walks the same chunks in search of the picture, without a limit.
  const std::optional<int> orientation = webp_orientation(s);
  if (!orientation) return std::nullopt;
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(s.data(), s.size(), &features) != VP8_STATUS_OK) return std::nullopt;
  if (features.has_animation != 0) return std::nullopt;
  SourceFacts facts;
  facts.type = ImageType::kWebp;
  facts.width = features.width;
  facts.height = features.height;
  facts.alpha = features.has_alpha != 0;
  facts.orientation = *orientation;
  return facts;
}

}  // namespace

std::optional<SourceFacts> probe_header(ByteSpan source, ImageType type) {
  if (type == ImageType::kJpeg) return JpegWalk(source).facts();
  if (type == ImageType::kWebp) return probe_webp(source);
  return std::nullopt;
}

}  // namespace imgring::pipeline
