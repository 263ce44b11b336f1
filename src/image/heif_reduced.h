// An AVIF or HEIC at the size that is wanted, made of its planes of YCbCr by the resize of
// native.h; then there are colours. Owns the planes of a picture of tiles, 1.5 to 3 bytes a pixel;
// of one that stands alone nothing but a few rows. One thread.
#pragma once

#include <optional>
#include <vector>

#include "heif_layout.h"
#include "imgring/codec/resize.h"
#include "imgring/image/loader.h"
#include "small_rows.h"

namespace imgring::image {

// RGB of any size to the one wanted, each side divided by `shrink` before. Where that is reducible.
Result<SmallPicture> reduced(const SmallPicture& picture, const Reduced& wanted, int shrink,
                             const StopFlag& stop);

class PlanesOfPieces final : public PieceTaker {
 public:
  // `width` and `height`, those that `wanted` is made of, as it is shown; reducible. `stop`
  // outlives this.
  PlanesOfPieces(int width, int height, const Reduced& wanted, const format::HeifPieces& pieces,
                 const StopFlag& stop);
  bool take(const CodedPicture& piece) override;
  // RGB. Nothing where the pieces were other ones than announced, or missing.
  Result<std::optional<SmallPicture>> finish();

 private:
  void put(const CodedPicture& piece, PieceLayout::Place place);
  void reduce(const std::array<PixelView, 3>& planes);
  Result<SmallPicture> colours_of(const std::array<PixelView, 3>& planes) const;

  PieceLayout layout_;
  Reduced wanted_;  // as coded
  const StopFlag& stop_;
  std::array<std::vector<std::uint8_t>, 3> planes_;
  std::optional<Result<SmallPicture>> made_;
};

}  // namespace imgring::image
