// Means of the coded pictures that an AVIF or HEIC is put together of, as colours: what a resize by
// a whole number would make of it, without the whole at its own size.
// Owns sums of one row of tiles. One thread.
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
// A row of means as RGB.
void make_colours(const YcbcrColours& colours, const std::vector<float>& luma,
                  const std::vector<float>& cb, const std::vector<float>& cr,
                  std::uint8_t* out) noexcept;

class MeansOfPieces final : public PieceTaker {
 public:
  // `width` and `height` are the whole's, as it is shown; `shrink` is even.
  MeansOfPieces(int width, int height, int shrink, const format::HeifPieces& pieces) noexcept;
  bool take(const CodedPicture& piece) override;
  // RGB, each side divided by `shrink` and rounded up. Nothing where the pieces were other ones
  // than announced, or missing.
  std::optional<SmallPicture> finish();

 private:
  struct Channel {
    int across = 1, down = 1;   // samples of a box
    int width = 0, height = 0;  // of the whole
    std::vector<std::uint16_t> columns;
    std::vector<std::uint32_t> boxes;
    std::vector<float> row;
  };

  bool begin(const CodedPicture& piece);
  bool fits(const CodedPicture& piece) const noexcept;
  void add(Channel* channel, const CodedPlane& plane, int left, int top, int first, int end);
  void add_all(const CodedPicture& piece, int left, int top, int first, int end);
  void means_of(Channel* channel, int row);
  // All rows of boxes that end above luma's line.
  void put_rows_above(int line);

  const format::HeifPieces pieces_;
  const int width_, height_;  // as coded
  const int shrink_;
  int tiles_across_ = 1;
  int taken_ = 0;
  YcbcrColours colours_;
  int sub_across_ = 1, sub_down_ = 1;  // of colours, against luma
  bool grey_ = false;
  std::array<Channel, 3> channels_;
  int rows_put_ = 0;
  SmallPicture small_;
};

}  // namespace imgring::image
