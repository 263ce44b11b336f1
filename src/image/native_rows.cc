// Each kind of rows has a few lines of its own and pulls what it lacks; only a turn needs all.
#include "native_rows.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace imgring::image {
namespace {

using namespace codec;

// Zeroed: the loops read behind the rows, and weigh what is there with nothing.
MallocedBytes rows_of(int count, std::size_t stride_bytes) {
  return MallocedBytes(
      static_cast<std::uint8_t*>(std::calloc(static_cast<std::size_t>(count), stride_bytes)));
}

template <int kBands>
void copy_turned(const std::uint8_t* from, std::ptrdiff_t step_bytes, int count,
                 std::uint8_t* out) noexcept {
  for (int i = 0; i < count; ++i, from += step_bytes, out += kBands) std::memcpy(out, from, kBands);
}
using CopyTurned = void (*)(const std::uint8_t*, std::ptrdiff_t, int, std::uint8_t*) noexcept;
constexpr std::array<CopyTurned, kBandsMax> kCopyTurned = {copy_turned<1>, copy_turned<2>,
                                                           copy_turned<3>, copy_turned<4>};

}  // namespace

ResizedRows::ResizedRows(const NativeJob& job, PixelSource* source, const StopFlag& stop)
    : job_(job), source_(source), stop_(stop), loops_(resize_loops()),
      across_(make_weights(job.across)), down_(make_weights(job.down)),
      multiplied_(job.alpha() && job.resized), boxes_(across_.box > 1 || down_.box > 1) {
  const int first = across_.source_first * across_.box;
  left_ = job.across.offset + first;
  pixel_count_ = std::min(across_.source_count * across_.box, job.across.size - first);
  row_end_ = job.down.offset + job.down.size;
}

std::size_t ResizedRows::bytes_of(int pixels) const noexcept {
  return static_cast<std::size_t>(pixels) * static_cast<std::size_t>(job_.bands);
}
std::uint8_t* ResizedRows::slot_of(int row) const noexcept {
  return ring_.get() + static_cast<std::size_t>(row % down_.taps) * stride_bytes_;
}

Result<void> ResizedRows::begin() {
  const std::size_t whole = bytes_of(source_->width()) + kRowPadBytes;
  const bool as_decoded = !multiplied_ && !boxes_;
  skipped_bytes_ = as_decoded ? bytes_of(left_) : 0;
  stride_bytes_ = as_decoded ? whole : bytes_of(across_.source_count) + kRowPadBytes;
  strip_stride_bytes_ = bytes_of(job_.across.count) + kRowPadBytes;
  ring_ = rows_of(down_.taps, stride_bytes_);
  scratch_ = rows_of(1, whole);
  fine_ = rows_of(sizeof(std::int16_t), bytes_of(across_.source_count) + kRowPadBytes);
  strip_ = rows_of(kStripRows, strip_stride_bytes_);
  const std::size_t box_bytes = bytes_of(across_.source_count * across_.box) + kRowPadBytes;
  multiplied_row_ = rows_of(1, box_bytes);
  sums_ = rows_of(boxes_ ? sizeof(std::uint16_t) : 1, box_bytes);
  for (const auto* rows : {&ring_, &scratch_, &fine_, &strip_, &multiplied_row_, &sums_}) {
    if (*rows == nullptr) return std::unexpected(no_memory_for_rows());
  }
  const int skipped = job_.down.offset + down_.source_first * down_.box;
  source_->want({left_, pixel_count_, skipped});
  for (; rows_read_ < skipped; ++rows_read_) {
    if (stop_.stopped()) return std::unexpected(stop_error(stop_.reason()));
    IMGRING_TRY(last_row_, source_->next_row(scratch_.get()));
  }
  return {};
}

// The next row of the ring.
Result<void> ResizedRows::fill(std::uint8_t* slot) {
  if (boxes_) return fill_boxes(slot);
  ++rows_read_;
  IMGRING_TRY(const std::uint8_t* row, source_->next_row(multiplied_ ? scratch_.get() : slot));
  const std::uint8_t* pixels = row + bytes_of(left_);
  if (!multiplied_) {
    if (row != slot) std::memcpy(slot + skipped_bytes_, pixels, bytes_of(pixel_count_));
    return {};
  }
  const auto count = static_cast<std::size_t>(pixel_count_);
  if (job_.bands == 4) {
    loops_.premultiply(pixels, count, slot);
  } else {
    std::memcpy(slot, pixels, bytes_of(pixel_count_));
    premultiply_grey(slot, count);
  }
  return {};
}

Result<void> ResizedRows::fill_boxes(std::uint8_t* slot) {
  auto* sums = reinterpret_cast<std::uint16_t*>(sums_.get());
  const std::size_t row_bytes = bytes_of(pixel_count_);
  const std::size_t box_samples = bytes_of(across_.source_count * across_.box);
  std::fill_n(sums, box_samples, std::uint16_t{0});
  for (int i = 0; i < down_.box; ++i) {
    if (rows_read_ < row_end_) {
      ++rows_read_;
      IMGRING_TRY(last_row_, source_->next_row(scratch_.get()));
      last_row_ += bytes_of(left_);
      if (multiplied_ && job_.bands == 4) {
        const auto count = static_cast<std::size_t>(pixel_count_);
        loops_.premultiply(last_row_, count, multiplied_row_.get());
        last_row_ = multiplied_row_.get();
      } else if (multiplied_) {
        std::memcpy(multiplied_row_.get(), last_row_, row_bytes);
        premultiply_grey(multiplied_row_.get(), static_cast<std::size_t>(pixel_count_));
        last_row_ = multiplied_row_.get();
      }
    }
    loops_.add(last_row_, row_bytes, sums);
  }
  for (std::size_t at = row_bytes; at < box_samples; ++at) sums[at] = sums[at - bytes_of(1)];
  const BoxMeans boxes{across_.box, down_.box, static_cast<std::size_t>(across_.source_count)};
  loops_.means[static_cast<std::size_t>(job_.bands - 1)](sums, boxes, slot);
  return {};
}

Result<void> ResizedRows::make_row(int index, std::uint8_t* out) {
  const int first = down_.first[static_cast<std::size_t>(index)];
  const auto row_at = [&](int k) { return std::min(first + k, down_.source_count - 1); };
  while (rows_filled_ <= row_at(down_.taps_used - 1)) {
    IMGRING_TRY_VOID(fill(slot_of(rows_filled_)));
    ++rows_filled_;
  }
  std::array<const std::uint8_t*, kTapsMax> rows;
  for (int k = 0; k < down_.taps_used; ++k)
    rows[static_cast<std::size_t>(k)] = slot_of(row_at(k)) + skipped_bytes_;
  const std::int16_t* weights = &down_.weights[static_cast<std::size_t>(index * down_.taps)];
  const std::size_t sample_count = bytes_of(across_.source_count);
  if (down_.identical && across_.identical) {
    std::memcpy(out, rows[0], sample_count);
    return {};
  }
  auto* fine = reinterpret_cast<std::int16_t*>(fine_.get());
  if (down_.identical) {
    to_fine(rows[0], sample_count, fine);
  } else {
    loops_.down(rows.data(), weights, down_.taps_used, sample_count, fine);
  }
  if (across_.identical) {
    from_fine(fine, sample_count, out);
  } else {
    loops_.across[static_cast<std::size_t>(job_.bands - 1)](fine, across_, out);
  }
  if (multiplied_) unpremultiply(out, static_cast<std::size_t>(job_.across.count), job_.bands);
  return {};
}

Result<Strip> ResizedRows::pull(int top) {
  Strip strip;
  strip.first = strip_.get();
  strip.stride_bytes = strip_stride_bytes_;
  strip.row_count = std::min(kStripRows, job_.down.count - top);
  for (int i = 0; i < strip.row_count; ++i) {
    if (stop_.stopped()) return std::unexpected(stop_error(stop_.reason()));
    std::uint8_t* out = strip_.get() + static_cast<std::size_t>(i) * strip_stride_bytes_;
    IMGRING_TRY_VOID(make_row(top + i, out));
  }
  if (top + strip.row_count == job_.down.count) IMGRING_TRY_VOID(source_->finish(scratch_.get()));
  return strip;
}

Result<void> TurnedRows::pull_all() {
  const std::size_t row_bytes =
      static_cast<std::size_t>(job_.across.count) * static_cast<std::size_t>(job_.bands);
  picture_ = rows_of(job_.down.count, row_bytes);
  strip_ = rows_of(kStripRows, static_cast<std::size_t>(job_.result_width()) *
                                   static_cast<std::size_t>(job_.bands));
  if (picture_ == nullptr || strip_ == nullptr) return std::unexpected(no_memory_for_rows());
  for (int top = 0; top < job_.down.count;) {
    IMGRING_TRY(const Strip strip, rows_.pull(top));
    for (int i = 0; i < strip.row_count; ++i) {
      const std::uint8_t* row = strip.first + static_cast<std::size_t>(i) * strip.stride_bytes;
      std::memcpy(picture_.get() + static_cast<std::size_t>(top + i) * row_bytes, row, row_bytes);
    }
    top += strip.row_count;
  }
  return {};
}

Result<Strip> TurnedRows::pull(int top) {
  if (picture_ == nullptr) IMGRING_TRY_VOID(pull_all());
  const std::ptrdiff_t pixel_bytes = job_.bands;
  const std::ptrdiff_t row_bytes = job_.across.count * pixel_bytes;
  const NativeTurn& turn = job_.turn;
  std::ptrdiff_t x_bytes = turn.flipped_x ? -pixel_bytes : pixel_bytes;
  std::ptrdiff_t y_bytes = turn.flipped_y ? -row_bytes : row_bytes;
  const std::uint8_t* origin = picture_.get();
  if (turn.flipped_x) origin += (job_.across.count - 1) * pixel_bytes;
  if (turn.flipped_y) origin += (job_.down.count - 1) * row_bytes;
  if (turn.transposed) std::swap(x_bytes, y_bytes);
  const int width = job_.result_width();
  Strip strip;
  strip.first = strip_.get();
  strip.stride_bytes = static_cast<std::size_t>(width * pixel_bytes);
  strip.row_count = std::min(kStripRows, job_.result_height() - top);
  for (int i = 0; i < strip.row_count; ++i) {
    kCopyTurned[static_cast<std::size_t>(job_.bands - 1)](
        origin + (top + i) * y_bytes, x_bytes, width,
        strip_.get() + static_cast<std::size_t>(i) * strip.stride_bytes);
  }
  return strip;
}

Result<Strip> FlattenedRows::pull(int top) {
  const int colours = job_.bands - 1;
  const auto width = static_cast<std::size_t>(job_.result_width());
  const std::size_t stride_bytes = width * static_cast<std::size_t>(colours);
  if (strip_ == nullptr) strip_ = rows_of(kStripRows, stride_bytes);
  if (strip_ == nullptr) return std::unexpected(no_memory_for_rows());
  IMGRING_TRY(const Strip strip, rows_.pull(top));
  const std::array<std::uint8_t, 3>& under = *job_.background;
  std::uint8_t* out = strip_.get();
  for (int row = 0; row < strip.row_count; ++row) {
    const std::uint8_t* in = strip.first + static_cast<std::size_t>(row) * strip.stride_bytes;
    for (std::size_t i = 0; i < width; ++i, in += job_.bands) {
      const std::uint32_t alpha = in[colours];
      for (std::size_t band = 0; band < static_cast<std::size_t>(colours); ++band) {
        const std::uint32_t sum = in[band] * alpha + under[band] * (255 - alpha);
        *out++ = static_cast<std::uint8_t>((sum + 127) / 255);
      }
    }
  }
  return Strip{strip_.get(), stride_bytes, strip.row_count};
}

}  // namespace imgring::image
