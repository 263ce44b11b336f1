// Size, samples and orientation of a JPEG, as exact as its decoder: what is odd is not read.
#include <algorithm>

#include "header_fields.h"
#include "imgring/format/headers.h"

namespace imgring::format {
namespace {

std::uint32_t big16(ByteSpan s, std::size_t at) noexcept {
  return static_cast<std::uint32_t>(s[at]) << 8 | s[at + 1];
}

constexpr bool is_frame_header(unsigned marker) noexcept {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

// What decoders of pixels read: tables, restarts, comments that say nothing, JFIF's own segment,
// whose resolution is no metadata that stays, and what Adobe says of the transform.
constexpr bool is_for_pixels(unsigned marker) noexcept {
  return marker == 0xDB || marker == 0xC4 || marker == 0xDD || marker == 0xFE || marker == 0xE0 ||
         marker == 0xEE;
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
  SourceFacts facts() noexcept {
    if (s_.size() < 4 || s_[0] != 0xFF || s_[1] != 0xD8) return {};
    at_ = 2;
    for (int steps = 0; s_.size() - at_ >= 4 && step();) {
      if (++steps > kHeaderStepsMax) return {};
    }
    if (facts_.width == 0 || facts_.height == 0) return {};
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
      const bool plain = components_ == 1 || components_ == 3;
      if (plain && bits_ == 8 && !metadata_) facts_.bare_bands = static_cast<int>(components_);
      return false;
    }
    metadata_ = metadata_ || !is_for_pixels(marker);
    // The first one counts, as in libvips.
    if (marker == 0xE1 && !has_exif_ && as_text(body).starts_with(kExifName)) {
      has_exif_ = true;
      facts_.orientation = exif_orientation(body.subspan(kExifName.size()));
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
    bits_ = body[0];
    return facts_.width != 0;
  }

  ByteSpan s_;
  std::size_t at_ = 0;
  unsigned components_ = 0, bits_ = 0;
  bool has_exif_ = false, metadata_ = false;
  SourceFacts facts_;
};

}  // namespace

SourceFacts read_jpeg_header(ByteSpan source, int) { return JpegWalk(source).facts(); }

}  // namespace imgring::format
