// What a decoder gets to see of a PNG: everything up to IEND, whatever follows, without the texts,
// profiles and private chunks that a small file could make it unpack or keep by the gigabyte
// (hardening.md 5). Nothing is refused here: a picture is no worse for the text beside it.
// Plain functions over spans, any thread; memory for some offsets. The span must outlive all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "imgring/base/text.h"
#include "imgring/format/coded_colours.h"

namespace imgring::format {

// A text or profile decoded, and any other chunk that is no picture: libpng itself refuses pictures
// with a chunk over 8 MB. Prompts of image generators and XMP reach 200 KB.
inline constexpr std::size_t kPngChunkBytesMax = std::size_t{4} << 20;
// Texts and profiles decoded, of one picture: 16 MiB are unpacked in some 30 ms. What comes behind
// them is left out.
inline constexpr std::size_t kPngChunksBytesMax = std::size_t{16} << 20;
// Scanners write a dozen. Those behind are left out: libspng refuses a picture with more than 1000
// chunks that it keeps, EXIF and suggested palettes (which count here) among them.
inline constexpr int kPngTextChunksMax = 900;

struct PngView {
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

  ByteSpan bytes;                     // to behind IEND, or to a chunk that is not all there
  std::vector<std::size_t> left_out;  // where such chunks begin, rising
  std::size_t texts_end = kNone;      // texts from here on are left out, too
  std::size_t profiles_end = kNone;   // and profiles

  bool complete() const noexcept {
    return left_out.empty() && texts_end == kNone && profiles_end == kNone;
  }
};
PngView view_png(ByteSpan source);
// What cICP says of its colours.
CodedColours png_says(ByteSpan source) noexcept;

// The bytes of a view one after the other, without what is left out.
class PngViewStream {
 public:
  explicit PngViewStream(PngView view) noexcept;
  // As many as there are, up to `size_bytes`; 0 at the end.
  std::size_t read(void* into, std::size_t size_bytes) noexcept;

 private:
  void next_piece() noexcept;

  const PngView view_;
  std::size_t at_ = 0, piece_end_;
};

}  // namespace imgring::format
