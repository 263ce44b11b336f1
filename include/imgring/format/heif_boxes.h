// What the boxes of a HEIF file (AVIF, HEIC) say of its picture that libvips does not look at.
// Owns nothing. Any thread. Promises: reads nothing outside the span, and a bounded number of
// boxes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "imgring/base/error.h"
#include "imgring/base/text.h"

namespace imgring::format {

struct HeifSays {
  bool premultiplied = false;   // an item reference `prem`
  std::uint32_t primaries = 2;  // of the first picture's `nclx`, ISO/IEC 23091-2; 2: nothing
  std::uint32_t transfer = 2;
  bool monochrome = false;  // the first picture has one channel
};
HeifSays heif_says(ByteSpan source);

// What the first picture is put together of: itself, or the tiles of a grid.
struct HeifPieces {
  int quarter_turns = 0;                // 0..3, of the whole, against the clock
  int count = 1;                        // row by row
  std::uint32_t width = 0, height = 0;  // of each, as coded; 0: nothing is said
  int matrix = -1;  // ISO/IEC 23091-2, by `nclx` of each; below 0: the coded picture's own
  bool full_range = false;
  // What is left of the only one, from its corner, before it is turned; 0: all.
  std::uint32_t cut_width = 0, cut_height = 0;
  bool operator==(const HeifPieces&) const = default;
};
// Nothing: it is more than that (cut at another corner, mirrored, laid over, tiles that differ or
// turn by themselves, over 1024 of them), or its boxes do not tell.
std::optional<HeifPieces> heif_pieces(ByteSpan source);

// Of one picture. Two bytes name a tile once more, so that without a limit a small file is decoded
// for ever. A grid of 200 MP in tiles of 512 has 763 of them, and as many of its alpha.
inline constexpr std::size_t kHeifPicturesMax = 4096;
// Alpha, a depth map and a map of brightness have the picture's size at most, and layers of an
// overlay are few; a grid's last tiles stand over its edge.
inline constexpr double kHeifTimesDecodedMax = 8;
// A small picture's tiles may be large.
inline constexpr double kHeifSmallPixels = 16e6;

// What decoding takes, of the file's picture that takes most: tiles, layers and alpha count as
// often as they are used.
struct HeifWork {
  double pixels = 0;    // decoded
  double own = 0;       // of that picture by its own word; 0: it says nothing
  double pictures = 0;  // decoded or put together, of the one that has most
};
// kBrokenImage: over these limits, pictures of pictures more than eight deep or in a circle, or two
// lists of pictures. Sizes are those that the file tells: what is coded larger than that meets the
// limits of the child. Milliseconds for the worst of files.
Result<HeifWork> heif_work(ByteSpan source);
// Whether a library may be given it.
Result<void> check_heif(ByteSpan source);

// Without another file that was put behind it, as cameras put films: libheif reads the last type.
ByteSpan without_second_file(ByteSpan source) noexcept;

}  // namespace imgring::format
