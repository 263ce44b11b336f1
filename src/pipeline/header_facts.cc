// A reader of a size for each format, and walks over the blocks of animations.
#include "header_facts.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <string_view>

#include "imgring/image/ico_directory.h"
#include "imgring/image/svg.h"
#include "imgring/image/tiff_reader.h"
#include "load.h"

namespace imgring::pipeline {
namespace {

// Blocks of an animation that are looked at: the 16 384 of 4 MiB of a GIF take some 0.2 ms.
constexpr int kBlocksMax = 1 << 14;

std::uint32_t number(ByteSpan s, std::size_t at, int bytes, bool big) noexcept {
  std::uint32_t value = 0;
  for (int i = 0; i < bytes; ++i) {
    const std::size_t index = at + static_cast<std::size_t>(big ? i : bytes - 1 - i);
    value = value << 8 | (index < s.size() ? s[index] : 0u);
  }
  return value;
}

SourceFacts facts(ImageType type, std::uint32_t width, std::uint32_t height) {
  constexpr std::uint32_t kSideMax = 1 << 20;
  SourceFacts out;
  out.type = type;
  out.width = static_cast<int>(std::min(width, kSideMax));
  out.height = static_cast<int>(std::min(height, kSideMax));
  return out;
}

void set_frames(SourceFacts* out, int count) noexcept {
  out->pages = std::max(1, count);
  out->animated = count > 1;
}

// Of PNG's colour types; a palette is one sample that becomes three or four.
double png_samples(std::uint32_t colour_type) noexcept {
  constexpr double kSamples[] = {1, 4, 3, 4, 2, 4, 4};
  return colour_type < std::size(kSamples) ? kSamples[colour_type] : 4;
}

SourceFacts png_facts(ByteSpan s) {
  constexpr std::uint32_t kPaletteType = 3;
  SourceFacts out = facts(ImageType::kPng, number(s, 16, 4, true), number(s, 20, 4, true));
  const std::uint32_t colour_type = number(s, 25, 1, true);
  out.whole_decode = s.size() > 28 && s[28] != 0;  // interlaced
  out.samples_per_pixel = png_samples(colour_type);
  out.palette = colour_type == kPaletteType;
  return out;
}

class GifWalk {
 public:
  explicit GifWalk(ByteSpan source) noexcept : s_(source) {}

  int frames(int most) noexcept {
    constexpr std::uint8_t kPicture = 0x2C, kExtension = 0x21;
    constexpr std::size_t kScreenBytes = 13, kDescriptorBytes = 10;
    at_ = kScreenBytes + table_bytes(kScreenBytes - 3);
    int count = 0;
    while (at_ < s_.size() && count < most && blocks_ < kBlocksMax) {
      const std::uint8_t kind = s_[at_];
      if (kind == kPicture) {
        ++count;
        at_ += kDescriptorBytes + table_bytes(at_ + kDescriptorBytes - 1) + 1;
      } else if (kind == kExtension) {
        at_ += 2;
      } else {
        return count;  // the end, or noise
      }
      skip_blocks();
    }
    if (blocks_ < kBlocksMax) return count;
    // The rest is like what was seen.
    const double share = static_cast<double>(s_.size()) / static_cast<double>(at_);
    return static_cast<int>(std::min<double>(most, std::ceil(std::max(1, count) * share)));
  }

 private:
  std::size_t table_bytes(std::size_t flags_at) const noexcept {
    const std::uint32_t flags = number(s_, flags_at, 1, false);
    return (flags & 0x80) != 0 ? std::size_t{6} << (flags & 7) : 0;
  }
  // To behind the empty one.
  void skip_blocks() noexcept {
    while (at_ < s_.size() && blocks_ < kBlocksMax) {
      ++blocks_;
      const std::size_t size = s_[at_];
      at_ += 1 + size;
      if (size == 0) return;
    }
  }

  ByteSpan s_;
  std::size_t at_ = 0;
  int blocks_ = 0;
};

SourceFacts gif_facts(ByteSpan s, int frames_max) {
  SourceFacts out = facts(ImageType::kGif, number(s, 6, 2, false), number(s, 8, 2, false));
  out.palette = true;
  if (frames_max > 1) set_frames(&out, GifWalk(s).frames(frames_max));
  return out;
}

int webp_frames(ByteSpan s, int most) noexcept {
  constexpr std::size_t kFileHeaderBytes = 12, kChunkHeaderBytes = 8;
  int count = 0, blocks = 0;
  for (std::size_t at = kFileHeaderBytes; at < s.size() && count < most;) {
    if (++blocks > kBlocksMax) return most;  // no animation has so many frames
    if (as_text(s).substr(at, 4) == "ANMF") ++count;
    const std::size_t size = number(s, at + 4, 4, false);
    at += kChunkHeaderBytes + size + (size & 1);
  }
  return count;
}

// The still ones are for probe_header.
SourceFacts animated_webp_facts(ByteSpan s, int frames_max) {
  constexpr std::uint32_t kAnimation = 0x02, kAlpha = 0x10;
  const std::uint32_t flags = number(s, 20, 1, false);
  const bool extended = s.size() >= 30 && as_text(s).substr(12, 4) == "VP8X";
  if (!extended || (flags & kAnimation) == 0) return {};
  SourceFacts out =
      facts(ImageType::kWebp, number(s, 24, 3, false) + 1, number(s, 27, 3, false) + 1);
  out.alpha = (flags & kAlpha) != 0;
  if (frames_max > 1) set_frames(&out, webp_frames(s, frames_max));
  return out;
}

// A negative height: the rows from the top.
SourceFacts bmp_facts(ByteSpan s) {
  constexpr std::uint32_t kPaletteDepthMax = 8, kCoreHeadBytes = 12;
  if (number(s, 14, 4, false) == kCoreHeadBytes) {  // OS/2 1: sides of two bytes
    SourceFacts core =
        facts(ImageType::kBmp, number(s, 18, 2, false), number(s, 20, 2, false));
    core.palette = number(s, 24, 2, false) <= kPaletteDepthMax;
    return core;
  }
  const auto height = std::int64_t{static_cast<std::int32_t>(number(s, 22, 4, false))};
  SourceFacts out = facts(ImageType::kBmp, number(s, 18, 4, false),
                          static_cast<std::uint32_t>(std::abs(height)));
  out.palette = number(s, 28, 2, false) <= kPaletteDepthMax;
  return out;
}

// The picture that image/ico_reader.cc tries first.
SourceFacts ico_facts(ByteSpan s) {
  const auto entries = image::ico_entries(s);
  if (entries.empty()) return {};
  return facts(ImageType::kIco, static_cast<std::uint32_t>(entries.front().width),
               static_cast<std::uint32_t>(entries.front().height));
}

// The first directory, wherever it lies.
SourceFacts tiff_facts(ByteSpan s) {
  constexpr std::uint32_t kWidth = 256, kHeight = 257, kPhotometric = 262, kSamples = 277;
  constexpr std::uint32_t kRgb = 2, kCmyk = 5, kLab = 8;
  const image::TiffReader tiff(s);
  SourceFacts out = facts(ImageType::kTiff, tiff.value(kWidth, 0), tiff.value(kHeight, 0));
  const std::uint32_t samples = tiff.value(kSamples, 1), space = tiff.value(kPhotometric, kRgb);
  const std::uint32_t colours = space == kCmyk ? 4 : space == kRgb || space == kLab ? 3 : 1;
  out.alpha = samples > colours;
  out.orientation = tiff.orientation();
  return out;
}

SourceFacts svg_facts(ByteSpan s) {
  const auto size = image::svg_root_size(s);
  if (!size) return {};
  const auto side = [](double v) {
    constexpr double kMost = 1e9;
    return static_cast<std::uint32_t>(std::clamp(std::round(v), 1.0, kMost));
  };
  SourceFacts out = facts(ImageType::kSvg, side(size->width), side(size->height));
  out.alpha = true;
  return out;
}

// Where the `meta` box begins, which may lie behind the pixels; 0 when it isn't found.
std::size_t meta_box(ByteSpan s) noexcept {
  constexpr int kBoxesMax = 64;
  constexpr std::size_t kHeaderBytes = 8, kLargeHeaderBytes = 16;
  std::size_t at = 0;
  for (int i = 0; i < kBoxesMax && at < s.size() && s.size() - at >= kLargeHeaderBytes; ++i) {
    if (as_text(s).substr(at + 4, 4) == "meta") return at;
    std::uint64_t size = number(s, at, 4, true);
    if (size == 1) {
      size = std::uint64_t{number(s, at + 8, 4, true)} << 32 | number(s, at + 12, 4, true);
    }
    if (size < kHeaderBytes || size > s.size() - at) break;
    at += size;
  }
  return 0;
}

// Largest image spatial extents property of the file (ISO/IEC 23008-12): tiles are smaller than the
// whole.
SourceFacts heif_facts(ByteSpan source, ImageType type) {
  constexpr std::size_t kSearchBytes = 64 << 10;
  const ByteSpan s = source.subspan(meta_box(source));
  const std::string_view text = as_text(s.first(std::min(s.size(), kSearchBytes)));
  SourceFacts best = facts(type, 0, 0);
  std::size_t at = text.find("ispe");
  for (; at != std::string_view::npos; at = text.find("ispe", at + 4)) {
    const SourceFacts one = facts(type, number(s, at + 8, 4, true), number(s, at + 12, 4, true));
    if (std::int64_t{one.width} * one.height > std::int64_t{best.width} * best.height) best = one;
  }
  return best;
}

// Fields of JPEG XL, lowest bit first.
class Bits {
 public:
  explicit Bits(ByteSpan bytes) noexcept : bytes_(bytes) {}
  std::uint32_t take(int count) noexcept {
    std::uint32_t value = 0;
    for (int i = 0; i < count; ++i, ++at_) {
      const std::uint32_t byte = at_ / 8 < bytes_.size() ? bytes_[at_ / 8] : 0u;
      value |= (byte >> at_ % 8 & 1) << i;
    }
    return value;
  }

 private:
  ByteSpan bytes_;
  std::size_t at_ = 0;
};

// SizeHeader of ISO/IEC 18181-1: a side, and the other one or its ratio to the first.
SourceFacts jxl_size(ByteSpan codestream) {
  struct Ratio {
    std::uint32_t across, down;
  };
  constexpr Ratio kRatios[] = {{1, 1}, {12, 10}, {4, 3}, {3, 2}, {16, 9}, {5, 4}, {2, 1}};
  constexpr int kSideBits[] = {9, 13, 18, 30}, kEighthsBits = 5;
  Bits bits(codestream.subspan(std::min<std::size_t>(2, codestream.size())));
  const bool eighths = bits.take(1) != 0;
  const auto side = [&] {
    if (eighths) return (bits.take(kEighthsBits) + 1) * 8;
    return bits.take(kSideBits[bits.take(2)]) + 1;
  };
  const std::uint32_t height = side();
  const std::uint32_t ratio = bits.take(3);
  if (ratio == 0) return facts(ImageType::kJxl, side(), height);
  const auto [across, down] = kRatios[ratio - 1];
  const std::uint64_t width = std::uint64_t{height} * across / down;
  return facts(ImageType::kJxl, static_cast<std::uint32_t>(width), height);
}

// The codestream as it is, or in the first box of a container that holds some of it.
SourceFacts jxl_facts(ByteSpan s) {
  constexpr std::size_t kSearchBytes = 16 << 10;
  if (s.size() > 1 && s[0] == 0xFF && s[1] == 0x0A) return jxl_size(s);
  const std::string_view text = as_text(s.first(std::min(s.size(), kSearchBytes)));
  const std::size_t whole = text.find("jxlc\xFF\x0A"), part = text.find("jxlp");
  if (whole != std::string_view::npos) return jxl_size(s.subspan(whole + 4));
  if (part == std::string_view::npos || part + 8 > s.size()) return {};
  return jxl_size(s.subspan(part + 8));  // behind its number
}

SourceFacts read_facts(ByteSpan s, ImageType type, int frames_max) {
  switch (type) {
    case ImageType::kPng: return png_facts(s);
    case ImageType::kGif: return gif_facts(s, frames_max);
    case ImageType::kWebp: return animated_webp_facts(s, frames_max);
    case ImageType::kBmp: return bmp_facts(s);
    case ImageType::kIco: return ico_facts(s);
    case ImageType::kTiff: return tiff_facts(s);
    case ImageType::kSvg: return svg_facts(s);
    case ImageType::kAvif:
    case ImageType::kHeic: return heif_facts(s, type);
    case ImageType::kJxl: return jxl_facts(s);
    case ImageType::kJpeg:
    case ImageType::kUnknown: return {};
  }
  return {};
}

}  // namespace

std::optional<SourceFacts> facts_of_header(ByteSpan source, ImageType type, int frames_max) {
  if (auto probed = probe_header(source, type)) return probed;
  const SourceFacts out = read_facts(source, type, frames_max);
  if (out.width <= 0 || out.height <= 0) return std::nullopt;
  return out;
}

}  // namespace imgring::pipeline
