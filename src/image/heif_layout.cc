// Only the first coded picture tells what the others must be like.
#include "heif_layout.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

namespace imgring::image {
namespace {

// Luma's weights of red and blue.
struct Matrix {
  int number;
  float red, blue;
};
constexpr Matrix kMatrices[] = {{1, 0.2126F, 0.0722F}, {2, 0.299F, 0.114F},   {4, 0.30F, 0.11F},
                                {5, 0.299F, 0.114F},   {6, 0.299F, 0.114F},   {7, 0.212F, 0.087F},
                                {9, 0.2627F, 0.0593F}, {10, 0.2627F, 0.0593F}};

// One of both, or 0.
int subsampling(int whole, int part) noexcept {
  for (const int by : {1, 2}) {
    if (part == divided_up(whole, by)) return by;
  }
  return 0;
}

}  // namespace

// Against the clock.
std::optional<SmallPicture> turned(SmallPicture picture, int quarter_turns) {
  if (quarter_turns == 0) return picture;
  SmallPicture out;
  out.bands = picture.bands;
  out.width = quarter_turns % 2 == 0 ? picture.width : picture.height;
  out.height = quarter_turns % 2 == 0 ? picture.height : picture.width;
  auto block = PixelBlock::of(out.row_bytes() * static_cast<std::size_t>(out.height));
  if (!block) return std::nullopt;
  out.block = std::move(*block);
  const auto bands = static_cast<std::size_t>(out.bands);
  for (int y = 0; y < out.height; ++y) {
    std::uint8_t* to = out.row(y);
    for (int x = 0; x < out.width; ++x, to += bands) {
      int from_x = picture.width - 1 - x, from_y = picture.height - 1 - y;
      if (quarter_turns == 1) from_x = picture.width - 1 - y, from_y = x;
      if (quarter_turns == 3) from_x = y, from_y = picture.height - 1 - x;
      std::memcpy(to, picture.row(from_y) + static_cast<std::size_t>(from_x) * bands, bands);
    }
  }
  return out;
}

std::optional<YcbcrColours> ycbcr_colours(int matrix, bool full_range) noexcept {
  const auto found = std::ranges::find(kMatrices, matrix, &Matrix::number);
  if (found == std::end(kMatrices)) return std::nullopt;
  // H.273, equations 20 to 22, 38 to 40.
  constexpr float kFull = 255, kLuma = 219, kChroma = 224, kBlack = 16;
  const float chroma = full_range ? 1 : kFull / kChroma;
  const float green = 1 - found->red - found->blue;
  YcbcrColours colours;
  colours.luma = full_range ? 1 : kFull / kLuma;
  colours.luma_offset = full_range ? 0 : kBlack;
  colours.red_cr = 2 * (1 - found->red) * chroma;
  colours.blue_cb = 2 * (1 - found->blue) * chroma;
  colours.green_cr = -2 * (1 - found->red) * found->red / green * chroma;
  colours.green_cb = -2 * (1 - found->blue) * found->blue / green * chroma;
  return colours;
}

PieceLayout::PieceLayout(int width, int height, const format::HeifPieces& pieces) noexcept
    : pieces_(pieces), width_(pieces.quarter_turns % 2 == 0 ? width : height),
      height_(pieces.quarter_turns % 2 == 0 ? height : width) {}

bool PieceLayout::begin(const CodedPicture& piece) noexcept {
  const CodedPlane& luma = piece.planes[0];
  tiles_across_ = divided_up(width_, luma.width);
  const bool cut = pieces_.cut_width != 0;
  const int left_width = cut ? static_cast<int>(pieces_.cut_width) : luma.width;
  const int left_height = cut ? static_cast<int>(pieces_.cut_height) : luma.height;
  if (alone() && (left_width != width_ || left_height != height_)) return false;
  if (pieces_.count != tiles_across_ * divided_up(height_, luma.height)) return false;
  const auto colours = ycbcr_colours(pieces_.matrix >= 0 ? pieces_.matrix : piece.matrix,
                                     pieces_.matrix >= 0 ? pieces_.full_range : piece.full_range);
  if (!colours) return false;
  colours_ = *colours;
  grey_ = piece.grey;
  if (!grey_) {
    sub_across_ = subsampling(luma.width, piece.planes[1].width);
    sub_down_ = subsampling(luma.height, piece.planes[1].height);
    if (sub_across_ == 0 || sub_down_ == 0) return false;
  }
  return alone() || (luma.width % sub_across_ == 0 && luma.height % sub_down_ == 0);
}

// As the first one.
bool PieceLayout::fits(const CodedPicture& piece) const noexcept {
  const CodedPlane& luma = piece.planes[0];
  if (luma.first == nullptr || luma.width <= 0 || luma.height <= 0 ||
      luma.width != static_cast<int>(pieces_.width) ||
      luma.height != static_cast<int>(pieces_.height)) {
    return false;
  }
  if (taken_ > 0 && piece.grey != grey_) return false;
  if (piece.grey) return true;
  for (const CodedPlane& plane : {piece.planes[1], piece.planes[2]}) {
    if (plane.first == nullptr || plane.width != piece.planes[1].width ||
        plane.height != piece.planes[1].height) {
      return false;
    }
  }
  return taken_ == 0 || (piece.planes[1].width == divided_up(luma.width, sub_across_) &&
                         piece.planes[1].height == divided_up(luma.height, sub_down_));
}

std::optional<PieceLayout::Place> PieceLayout::place(const CodedPicture& piece) noexcept {
  if (taken_ >= pieces_.count || !fits(piece) || (taken_ == 0 && !begin(piece))) {
    return std::nullopt;
  }
  return Place{taken_ % tiles_across_ * piece.planes[0].width,
               taken_ / tiles_across_ * piece.planes[0].height};
}

}  // namespace imgring::image
