// Planes of tiles are put together before, those of one that stands alone are the decoder's.
#include "heif_reduced.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "heif_means.h"

namespace imgring::image {
namespace {

using codec::ResizeAxis;

ResizeAxis axis_of(int size, int wanted, double shrink) noexcept {
  return {0, size, wanted, shrink, 0, wanted};
}
// Of the whole.
ResizeAxes axes_of(const Reduced& wanted) noexcept {
  return {axis_of(wanted.from_width, wanted.width, wanted.across),
          axis_of(wanted.from_height, wanted.height, wanted.down)};
}

Result<SmallPicture> room_for(const Reduced& wanted) {
  SmallPicture picture;
  picture.width = wanted.width;
  picture.height = wanted.height;
  picture.bands = 3;
  IMGRING_TRY(picture.block,
              PixelBlock::of(picture.row_bytes() * static_cast<std::size_t>(picture.height)));
  return picture;
}

}  // namespace

bool reducible(const Reduced& wanted, int shrink) noexcept {
  const PlaneSize means{divided_up(wanted.from_width, shrink),
                        divided_up(wanted.from_height, shrink)};
  // Chroma of half the size would have to grow.
  const bool halves = std::min(wanted.across, wanted.down) >= 2;
  return halves && resizable(coarser_axes(axes_of(wanted), means, shrink, shrink));
}

Result<SmallPicture> reduced(const SmallPicture& picture, const Reduced& wanted, int shrink,
                             const StopFlag& stop) {
  IMGRING_TRY(SmallPicture out, room_for(wanted));
  const PlaneSize size{picture.width, picture.height};
  const ResizeAxes axes = coarser_axes(axes_of(wanted), size, shrink, shrink);
  SmallRows rows({picture.row(0), picture.row_bytes(), size, 3}, axes, stop);
  IMGRING_TRY_VOID(rows.begin());
  for (int y = 0; y < out.height; ++y) {
    IMGRING_TRY(const std::uint8_t* row, rows.next());
    std::memcpy(out.row(y), row, out.row_bytes());
  }
  return out;
}

PlanesOfPieces::PlanesOfPieces(int width, int height, const Reduced& wanted,
                               const format::HeifPieces& pieces, const StopFlag& stop)
    : layout_(width, height, pieces), wanted_(wanted), stop_(stop) {
  if (pieces.quarter_turns % 2 == 0) return;
  std::swap(wanted_.from_width, wanted_.from_height);
  std::swap(wanted_.width, wanted_.height);
  std::swap(wanted_.across, wanted_.down);
}

bool PlanesOfPieces::take(const CodedPicture& piece) {
  const auto place = layout_.place(piece);
  if (!place) return false;
  if (layout_.alone()) {
    std::array<PixelView, 3> planes;
    for (std::size_t i = 0; i < layout_.channel_count(); ++i) {
      // Of a larger plane the rest was cut off.
      const PlaneSize size{layout_.width_of(i), layout_.height_of(i)};
      planes[i] = {piece.planes[i].first, piece.planes[i].stride, size};
    }
    reduce(planes);
  } else {
    put(piece, *place);
  }
  layout_.taken();
  return true;
}

// Tiles may stand over the whole's edges.
void PlanesOfPieces::put(const CodedPicture& piece, PieceLayout::Place place) {
  for (std::size_t i = 0; i < layout_.channel_count(); ++i) {
    const auto width = static_cast<std::size_t>(layout_.width_of(i));
    const int left = place.left / layout_.across(i), top = place.top / layout_.down(i);
    planes_[i].resize(width * static_cast<std::size_t>(layout_.height_of(i)));
    const CodedPlane& plane = piece.planes[i];
    const int columns = std::min(plane.width, layout_.width_of(i) - left);
    const int rows = std::min(plane.height, layout_.height_of(i) - top);
    for (int y = 0; y < rows; ++y) {
      std::memcpy(planes_[i].data() + static_cast<std::size_t>(top + y) * width + left,
                  plane.first + static_cast<std::size_t>(y) * plane.stride,
                  static_cast<std::size_t>(columns));
    }
  }
}

void PlanesOfPieces::reduce(const std::array<PixelView, 3>& planes) {
  made_.emplace(colours_of(planes));
}

Result<SmallPicture> PlanesOfPieces::colours_of(const std::array<PixelView, 3>& planes) const {
  IMGRING_TRY(SmallPicture out, room_for(wanted_));
  const ResizeAxes whole = axes_of(wanted_);
  std::array<std::optional<SmallRows>, 3> rows;
  const auto width = static_cast<std::size_t>(out.width);
  // The value of no colour, for what is grey.
  std::array<std::vector<float>, 3> samples;
  samples.fill(std::vector<float>(width, 128));
  for (std::size_t i = 0; i < layout_.channel_count(); ++i) {
    const ResizeAxes axes = coarser_axes(whole, planes[i].size, layout_.across(i), layout_.down(i));
    IMGRING_TRY_VOID(rows[i].emplace(planes[i], axes, stop_).begin());
  }
  for (int y = 0; y < out.height; ++y) {
    for (std::size_t i = 0; i < layout_.channel_count(); ++i) {
      IMGRING_TRY(const std::uint8_t* row, rows[i]->next());
      std::copy_n(row, width, samples[i].begin());
    }
    make_colours(layout_.colours(), samples[0], samples[1], samples[2], out.row(y));
  }
  return out;
}

Result<std::optional<SmallPicture>> PlanesOfPieces::finish() {
  if (!layout_.complete()) return std::nullopt;
  if (!layout_.alone()) {
    std::array<PixelView, 3> planes;
    for (std::size_t i = 0; i < layout_.channel_count(); ++i) {
      const PlaneSize size{layout_.width_of(i), layout_.height_of(i)};
      planes[i] = {planes_[i].data(), static_cast<std::size_t>(size.width), size};
    }
    reduce(planes);
  }
  IMGRING_TRY(SmallPicture made, std::move(*made_));
  return turned(std::move(made), layout_.quarter_turns());
}

}  // namespace imgring::image
