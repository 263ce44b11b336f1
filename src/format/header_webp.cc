// Still WebP as exact as its decoder; of animations the canvas and how many frames there are.
#include <webp/decode.h>

#include <optional>
#include <string_view>

#include "header_fields.h"
#include "imgring/format/headers.h"

namespace imgring::format {
namespace {

std::uint32_t little32(ByteSpan s, std::size_t at) noexcept {
  return static_cast<std::uint32_t>(s[at]) | static_cast<std::uint32_t>(s[at + 1]) << 8 |
         static_cast<std::uint32_t>(s[at + 2]) << 16 | static_cast<std::uint32_t>(s[at + 3]) << 24;
}

// The EXIF chunk lies behind the pictures' chunks; with or without the name JPEG puts before it.
// All chunks are counted, behind EXIF too; nullopt: more than kHeaderStepsMax.
std::optional<int> webp_orientation(ByteSpan s) noexcept {
  constexpr std::size_t kFileHeaderBytes = 12, kChunkHeaderBytes = 8;
  std::optional<int> found;
  std::size_t at = kFileHeaderBytes;
  for (int steps = 0; at <= s.size() && s.size() - at >= kChunkHeaderBytes;) {
    if (++steps > kHeaderStepsMax) return std::nullopt;
    const std::size_t length = little32(s, at + 4);
    const std::size_t left = s.size() - at - kChunkHeaderBytes;
    if (length > left) break;
    if (!found && as_text(s).substr(at, 4) == "EXIF") {
      ByteSpan block = s.subspan(at + kChunkHeaderBytes, length);
      if (as_text(block).starts_with(kExifName)) block = block.subspan(kExifName.size());
      found = exif_orientation(block);
    }
    at += kChunkHeaderBytes + length + (length & 1);
  }
  return found.value_or(1);
}

int webp_frames(ByteSpan s, int most) noexcept {
  constexpr std::size_t kFileHeaderBytes = 12, kChunkHeaderBytes = 8;
  int count = 0, blocks = 0;
  for (std::size_t at = kFileHeaderBytes; at < s.size() && count < most;) {
    if (++blocks > kHeaderStepsMax) return most;  // no animation has so many frames
    if (as_text(s).substr(at, 4) == "ANMF") ++count;
    const std::size_t size = number(s, at + 4, 4, false);
    at += kChunkHeaderBytes + size + (size & 1);
  }
  return count;
}

SourceFacts animated_webp_facts(ByteSpan s, int frames_max) {
  constexpr std::uint32_t kAnimation = 0x02, kAlpha = 0x10;
  const std::uint32_t flags = number(s, 20, 1, false);
  const bool extended = s.size() >= 30 && as_text(s).substr(12, 4) == "VP8X";
  if (!extended || (flags & kAnimation) == 0) return {};
  SourceFacts out =
      facts_of_size(ImageType::kWebp, number(s, 24, 3, false) + 1, number(s, 27, 3, false) + 1);
  out.alpha = (flags & kAlpha) != 0;
  if (frames_max > 1) set_frames(&out, webp_frames(s, frames_max));
  return out;
}

}  // namespace

SourceFacts read_still_webp_header(ByteSpan s, int) {
  // First, as libwebp walks the same chunks in search of the picture, without a limit.
  const std::optional<int> orientation = webp_orientation(s);
  if (!orientation) return {};
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(s.data(), s.size(), &features) != VP8_STATUS_OK) return {};
  if (features.has_animation != 0) return {};
  SourceFacts facts;
  facts.type = ImageType::kWebp;
  facts.width = features.width;
  facts.height = features.height;
  facts.alpha = features.has_alpha != 0;
  facts.orientation = *orientation;
  return facts;
}

SourceFacts read_webp_header(ByteSpan s, int frames_max) {
  const SourceFacts still = read_still_webp_header(s, frames_max);
  return still.width > 0 ? still : animated_webp_facts(s, frames_max);
}

}  // namespace imgring::format
