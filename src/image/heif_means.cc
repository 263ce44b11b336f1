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

// Luma's weights of red and blue.
struct Matrix {
  int number;
  float red, blue;
};
constexpr Matrix kMatrices[] = {{1, 0.2126F, 0.0722F}, {2, 0.299F, 0.114F},   {4, 0.30F, 0.11F},
                                {5, 0.299F, 0.114F},   {6, 0.299F, 0.114F},   {7, 0.212F, 0.087F},
                                {9, 0.2627F, 0.0593F}, {10, 0.2627F, 0.0593F}};

std::uint8_t sample_of(float value) noexcept {
  constexpr float kMost = 255;
  return static_cast<std::uint8_t>(std::clamp(value, 0.0F, kMost) + 0.5F);
}

int divided_up(int side, int by) noexcept { return (side + by - 1) / by; }

// One of both, or 0.
int subsampling(int whole, int part) noexcept {
  for (const int by : {1, 2}) {
    if (part == divided_up(whole, by)) return by;
  }
  return 0;
}

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

}  // namespace

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
    : pieces_(pieces), width_(pieces.quarter_turns % 2 == 0 ? width : height),
      height_(pieces.quarter_turns % 2 == 0 ? height : width), shrink_(shrink) {
  IMGRING_CHECK(shrink >= 2 && shrink % 2 == 0);
}

bool MeansOfPieces::begin(const CodedPicture& piece) {
  const CodedPlane& luma = piece.planes[0];
  // Boxes of a turned picture begin at its own corner.
  if (pieces_.quarter_turns != 0 && (width_ % shrink_ != 0 || height_ % shrink_ != 0)) return false;
  tiles_across_ = divided_up(width_, luma.width);
  const bool cut = pieces_.cut_width != 0;
  const int left_width = cut ? static_cast<int>(pieces_.cut_width) : luma.width;
  const int left_height = cut ? static_cast<int>(pieces_.cut_height) : luma.height;
  if (pieces_.count == 1 && (left_width != width_ || left_height != height_)) return false;
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
  if (pieces_.count > 1 && (luma.width % sub_across_ != 0 || luma.height % sub_down_ != 0)) {
    return false;
  }
  small_.width = divided_up(width_, shrink_);
  small_.height = divided_up(height_, shrink_);
  small_.bands = 3;
  auto block = PixelBlock::of(small_.row_bytes() * static_cast<std::size_t>(small_.height));
  if (!block) return false;
  small_.block = std::move(*block);
  const auto boxes = static_cast<std::size_t>(small_.width);
  // Of one that stands alone a row at a time.
  const int rows = pieces_.count == 1 ? 1 : luma.height / shrink_ + 2;
  for (Channel& channel : channels_) {
    const bool first = &channel == channels_.data();
    channel.across = first ? shrink_ : shrink_ / sub_across_;
    channel.down = first ? shrink_ : shrink_ / sub_down_;
    channel.width = first ? width_ : divided_up(width_, sub_across_);
    channel.height = first ? height_ : divided_up(height_, sub_down_);
    // The value of no colour, for what is grey.
    channel.row.assign(boxes, 128);
    if (!first && grey_) continue;
    channel.columns.resize(static_cast<std::size_t>(luma.width));
    channel.boxes.resize(boxes * static_cast<std::size_t>(rows));
  }
  return true;
}

// As the first one.
bool MeansOfPieces::fits(const CodedPicture& piece) const noexcept {
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

bool MeansOfPieces::take(const CodedPicture& piece) {
  if (taken_ >= pieces_.count || !fits(piece) || (taken_ == 0 && !begin(piece))) return false;
  const int width = piece.planes[0].width, height = piece.planes[0].height;
  const int left = taken_ % tiles_across_ * width, top = taken_ / tiles_across_ * height;
  ++taken_;
  if (pieces_.count == 1) {
    for (int y = 0; y < height_; y += shrink_) {
      const int end = std::min(y + shrink_, height_);
      add_all(piece, 0, 0, y, end);
      put_rows_above(end);
    }
    return true;
  }
  add_all(piece, left, top, 0, height);
  if (left + width >= width_) put_rows_above(std::min(top + height, height_));
  return true;
}

// Luma's rows of the piece from `first` on.
void MeansOfPieces::add_all(const CodedPicture& piece, int left, int top, int first, int end) {
  for (std::size_t i = 0; i < (grey_ ? 1 : channels_.size()); ++i) {
    const int across = i == 0 ? 1 : sub_across_, down = i == 0 ? 1 : sub_down_;
    add(&channels_[i], piece.planes[i], left / across, top / down, first / down,
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
  const int end = line == height_ ? small_.height : line / shrink_;
  for (int row = rows_put_; row < end; ++row) {
    for (std::size_t i = 0; i < (grey_ ? 1 : channels_.size()); ++i) means_of(&channels_[i], row);
    make_colours(colours_, channels_[0].row, channels_[1].row, channels_[2].row, small_.row(row));
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
  if (taken_ != pieces_.count || rows_put_ != small_.height || taken_ == 0) return std::nullopt;
  return turned(std::move(small_), pieces_.quarter_turns);
}

}  // namespace imgring::image
