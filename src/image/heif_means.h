// Means of the coded pictures that an AVIF or HEIC is put together of, as colours: what a resize by
// a whole number would make of it, without the whole at its own size.
// Owns sums of one row of tiles. One thread.
#pragma once

#include <optional>
#include <vector>

#include "heif_layout.h"

namespace imgring::image {

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
  void add(Channel* channel, const CodedPlane& plane, int left, int top, int first, int end);
  void add_all(const CodedPicture& piece, PieceLayout::Place place, int first, int end);
  void means_of(Channel* channel, int row);
  // All rows of boxes that end above luma's line.
  void put_rows_above(int line);

  PieceLayout layout_;
  const int shrink_;
  std::array<Channel, 3> channels_;
  int rows_put_ = 0;
  SmallPicture small_;
};

}  // namespace imgring::image
