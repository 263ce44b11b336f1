// Sums of whole rows of boxes are kept until the last tile that has a part of them.
#include "heif_means.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "imgring/base/check.h"
#include "imgring/codec/resize.h"

namespace imgring::image {
namespace {

std::uint8_t sample_of(float value) noexcept {
  constexpr float kMost = 255;
  return static_cast<std::uint8_t>(std::clamp(value, 0.0F, kMost) + 0.5F);
}

}  // namespace

void make_colours(const YcbcrColours& colours, const std::vector<float>& luma,
                  const std::vector<float>& cb, const std::vector<float>& cr,
                  std::uint8_t* out) noexcept {
  constexpr float kMiddle = 128;
  for (std::size_t i = 0; i < luma.size(); ++i) {
    const float y = (luma[i] - colours.luma_offset) * colours.luma;
    const float b = cb[i] - kMiddle, r = cr[i] - kMiddle;
    out[3 * i] = sample_of(y + colours.red_cr * r);
    out[3 * i + 1] = sample_of(y + colours.green_cb * b + colours.green_cr * r);
    out[3 * i + 2] = sample_of(y + colours.blue_cb * b);
  }
}

MeansOfPieces::MeansOfPieces(int width, int height, int shrink,
                             const format::HeifPieces& pieces) noexcept
    : layout_(width, height, pieces), shrink_(shrink) {
  IMGRING_CHECK(shrink >= 2 && shrink % 2 == 0);
}

bool MeansOfPieces::begin(const CodedPicture& piece) {
  const CodedPlane& luma = piece.planes[0];
  // Boxes of a turned picture begin at its own corner.
  const int width = layout_.width(), height = layout_.height();
  if (layout_.quarter_turns() != 0 && (width % shrink_ != 0 || height % shrink_ != 0)) return false;
  SmallPicture small;
  small.width = divided_up(width, shrink_);
  small.height = divided_up(height, shrink_);
  small.bands = 3;
  auto block = PixelBlock::of(small.row_bytes() * static_cast<std::size_t>(small.height));
  if (!block) return false;
  small.block = std::move(*block);
  const auto boxes = static_cast<std::size_t>(small.width);
  // Of one that stands alone a row at a time.
  const int rows = layout_.alone() ? 1 : luma.height / shrink_ + 2;
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    Channel& channel = channels_[i];
    channel.across = shrink_ / layout_.across(i);
    channel.down = shrink_ / layout_.down(i);
    channel.width = layout_.width_of(i);
    channel.height = layout_.height_of(i);
    // The value of no colour, for what is grey.
    channel.row.assign(boxes, 128);
    if (i >= layout_.channel_count()) continue;
    channel.columns.resize(static_cast<std::size_t>(luma.width));
    channel.boxes.resize(boxes * static_cast<std::size_t>(rows));
  }
  small_ = std::move(small);
  return true;
}

bool MeansOfPieces::take(const CodedPicture& piece) {
  const auto place = layout_.place(piece);
  if (!place || (small_.width == 0 && !begin(piece))) return false;
  layout_.taken();
  const int width = piece.planes[0].width, height = piece.planes[0].height;
  if (layout_.alone()) {
    for (int y = 0; y < layout_.height(); y += shrink_) {
      const int end = std::min(y + shrink_, layout_.height());
      add_all(piece, {}, y, end);
      put_rows_above(end);
    }
    return true;
  }
  add_all(piece, *place, 0, height);
  if (place->left + width >= layout_.width())
    put_rows_above(std::min(place->top + height, layout_.height()));
  return true;
}

// Luma's rows of the piece from `first` on.
void MeansOfPieces::add_all(const CodedPicture& piece, PieceLayout::Place place, int first,
                            int end) {
  for (std::size_t i = 0; i < layout_.channel_count(); ++i) {
    const int across = layout_.across(i), down = layout_.down(i);
    add(&channels_[i], piece.planes[i], place.left / across, place.top / down, first / down,
        divided_up(end, down));
  }
}

void MeansOfPieces::add(Channel* channel, const CodedPlane& plane, int left, int top, int first,
                        int end) {
  const codec::ResizeLoops& loops = codec::resize_loops();
  // Tiles may stand over the whole's edges.
  const int width = std::min(plane.width, channel->width - left);
  end = std::min({end, plane.height, channel->height - top});
  const auto boxes = static_cast<std::size_t>(small_.width);
  for (int y = first; y < end;) {
    const int box_row = (top + y) / channel->down;
    const int box_end = std::min(end, (box_row + 1) * channel->down - top);
    std::ranges::fill(channel->columns, std::uint16_t{0});
    for (; y < box_end; ++y) {
      loops.add(plane.first + static_cast<std::size_t>(y) * plane.stride,
                static_cast<std::size_t>(width), channel->columns.data());
    }
    std::uint32_t* sums =
        channel->boxes.data() + static_cast<std::size_t>(box_row - rows_put_) * boxes;
    int box = left / channel->across;
    for (int x = 0; x < width; ++box) {
      const int stop = std::min(width, (box + 1) * channel->across - left);
      std::uint32_t sum = 0;
      for (; x < stop; ++x) sum += channel->columns[static_cast<std::size_t>(x)];
      sums[box] += sum;
    }
  }
}

// Of a row of boxes of the whole.
void MeansOfPieces::means_of(Channel* channel, int row) {
  const auto samples = [](int box, int size, int whole) {
    return static_cast<float>(std::min((box + 1) * size, whole) - box * size);
  };
  const float down = samples(row, channel->down, channel->height);
  const std::uint32_t* sums =
      channel->boxes.data() + static_cast<std::size_t>(row - rows_put_) * channel->row.size();
  const float inner = 1 / (down * static_cast<float>(channel->across));
  const std::size_t last = channel->row.size() - 1;
  for (std::size_t i = 0; i < last; ++i) channel->row[i] = static_cast<float>(sums[i]) * inner;
  channel->row[last] = static_cast<float>(sums[last]) /
                       (down * samples(static_cast<int>(last), channel->across, channel->width));
}

void MeansOfPieces::put_rows_above(int line) {
  const int end = line == layout_.height() ? small_.height : line / shrink_;
  for (int row = rows_put_; row < end; ++row) {
    for (std::size_t i = 0; i < layout_.channel_count(); ++i) means_of(&channels_[i], row);
    make_colours(layout_.colours(), channels_[0].row, channels_[1].row, channels_[2].row,
                 small_.row(row));
  }
  // What has begun moves to the front.
  const auto done = static_cast<std::ptrdiff_t>(end - rows_put_) * small_.width;
  for (Channel& channel : channels_) {
    if (channel.boxes.empty()) continue;
    const auto rest =
        std::copy(channel.boxes.begin() + done, channel.boxes.end(), channel.boxes.begin());
    std::fill(rest, channel.boxes.end(), std::uint32_t{0});
  }
  rows_put_ = end;
}

std::optional<SmallPicture> MeansOfPieces::finish() {
  if (!layout_.complete() || rows_put_ != small_.height) return std::nullopt;
  return turned(std::move(small_), layout_.quarter_turns());
}

}  // namespace imgring::image
