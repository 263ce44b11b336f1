// How the coded pictures that an AVIF or HEIC is put together of lie in the whole (one alone, or
// tiles row by row), and which colours their samples are.
// Owns nothing. One thread.
#pragma once

#include <optional>
#include <vector>

#include "heif_codecs.h"
#include "imgring/format/heif_boxes.h"
#include "imgring/image/small_picture.h"

namespace imgring::image {

// From YCbCr to RGB.
struct YcbcrColours {
  float luma = 1, luma_offset = 0;
  float red_cr = 0, green_cb = 0, green_cr = 0, blue_cb = 0;
};
// `matrix` by H.273, table 4; 2, which says nothing, is BT.601, as libheif has it. Nothing where it
// is no matrix.
std::optional<YcbcrColours> ycbcr_colours(int matrix, bool full_range) noexcept;

// Against the clock. Nothing: no memory.
std::optional<SmallPicture> turned(SmallPicture picture, int quarter_turns);

// Sides divided and rounded up.
constexpr int divided_up(int side, int by) noexcept { return (side + by - 1) / by; }

class PieceLayout {
 public:
  // `width` and `height` are the whole's, as it is shown.
  PieceLayout(int width, int height, const format::HeifPieces& pieces) noexcept;

  struct Place {
    int left = 0, top = 0;  // of luma
  };
  // Of the next one, in the file's order; nothing where it is another than announced. The first one
  // tells what is known from then on.
  std::optional<Place> place(const CodedPicture& piece) noexcept;
  // Its pixels are where they belong. One that was not taken is missing for good: what comes behind
  // it stands in its place, and one is too few.
  void taken() noexcept { ++taken_; }
  bool complete() const noexcept { return taken_ > 0 && taken_ == pieces_.count; }

  int width() const noexcept { return width_; }  // of the whole, as coded
  int height() const noexcept { return height_; }
  int quarter_turns() const noexcept { return pieces_.quarter_turns; }
  bool alone() const noexcept { return pieces_.count == 1; }

  // Behind the first one.
  bool grey() const noexcept { return grey_; }
  std::size_t channel_count() const noexcept { return grey_ ? 1 : 3; }
  // Samples of luma for one of a channel, 1 or 2.
  int across(std::size_t channel) const noexcept { return channel == 0 ? 1 : sub_across_; }
  int down(std::size_t channel) const noexcept { return channel == 0 ? 1 : sub_down_; }
  int width_of(std::size_t channel) const noexcept { return divided_up(width_, across(channel)); }
  int height_of(std::size_t channel) const noexcept { return divided_up(height_, down(channel)); }
  const YcbcrColours& colours() const noexcept { return colours_; }

 private:
  bool begin(const CodedPicture& piece) noexcept;
  bool fits(const CodedPicture& piece) const noexcept;

  const format::HeifPieces pieces_;
  const int width_, height_;
  int tiles_across_ = 1;
  int taken_ = 0;
  YcbcrColours colours_;
  int sub_across_ = 1, sub_down_ = 1;
  bool grey_ = false;
};

}  // namespace imgring::image
