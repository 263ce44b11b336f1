// codec/blur.h, codec/sharpen.h and codec/matrix_profile.h over rows that come strip by strip.
#include "filtered_rows.h"

#include <algorithm>
#include <cstring>

namespace imgring::image {

BlurredRows::BlurredRows(const NativeJob& job, RowSource* rows)
    : rows_(*rows), blurrer_(job.blur), width_(static_cast<std::size_t>(job.result_width())),
      bands_(static_cast<std::size_t>(job.bands)), row_bytes_(width_ * bands_),
      height_(job.result_height()),
      row_count_(std::min(2 * (blurrer_.radius() + kStripRows), height_)),
      ring_(static_cast<std::size_t>(row_count_) * row_bytes_),
      wide_(row_bytes_ + 2 * static_cast<std::size_t>(blurrer_.radius()) * bands_),
      strip_(static_cast<std::size_t>(std::min(kStripRows, height_)) * row_bytes_),
      sums_(row_bytes_), around_(2 * static_cast<std::size_t>(blurrer_.radius()) + 1) {}

// The ring has rows that are blurred along themselves.
Result<void> BlurredRows::fill() {
  IMGRING_TRY(const Strip strip, rows_.pull(filled_));
  const std::size_t side = static_cast<std::size_t>(blurrer_.radius()) * bands_;
  for (int i = 0; i < strip.row_count; ++i, ++filled_) {
    const std::uint8_t* row = strip.first + static_cast<std::size_t>(i) * strip.stride_bytes;
    std::memcpy(&wide_[side], row, row_bytes_);
    for (std::size_t at = 0; at < side; ++at) {
      wide_[at] = row[at % bands_];
      wide_[side + row_bytes_ + at] = row[row_bytes_ - bands_ + at % bands_];
    }
    blurrer_.across({width_, bands_}, wide_.data(), sums_.data(), slot_of(filled_));
  }
  return {};
}

Result<Strip> BlurredRows::pull(int top) {
  const int radius = blurrer_.radius(), end = std::min(top + kStripRows, height_);
  while (filled_ < std::min(end + radius, height_)) IMGRING_TRY_VOID(fill());
  for (int y = top; y < end; ++y) {
    for (int k = -radius; k <= radius; ++k)
      around_[static_cast<std::size_t>(k + radius)] = slot_of(std::clamp(y + k, 0, height_ - 1));
    std::uint8_t* out = &strip_[static_cast<std::size_t>(y - top) * row_bytes_];
    blurrer_.down({width_, bands_}, around_.data(), sums_.data(), out);
  }
  return Strip{strip_.data(), row_bytes_, end - top};
}

SharpenedRows::SharpenedRows(const NativeJob& job, RowSource* rows)
    : rows_(*rows), sharpener_(job.sharpen), width_(static_cast<std::size_t>(job.result_width())),
      height_(job.result_height()),
      row_count_(std::min(2 * (sharpener_.radius() + kStripRows), height_)) {}

// A row as it came, its lightness, and that blurred along the row, for each slot of the ring.
void SharpenedRows::begin() {
  const auto slots = static_cast<std::size_t>(row_count_);
  lightness_stride_ = width_ + 2 * static_cast<std::size_t>(sharpener_.radius());
  ring_.resize(slots * width_ * 3);
  lightness_.resize(slots * lightness_stride_);
  blurred_.resize(slots * width_);
  strip_.resize(static_cast<std::size_t>(std::min(kStripRows, height_)) * width_ * 3);
  sums_.resize(width_);
  around_.resize(2 * static_cast<std::size_t>(sharpener_.radius()) + 1);
}

Result<void> SharpenedRows::fill() {
  IMGRING_TRY(const Strip strip, rows_.pull(filled_));
  for (int i = 0; i < strip.row_count; ++i, ++filled_) {
    const std::size_t slot = slot_of(filled_);
    std::uint8_t* row = &ring_[slot * width_ * 3];
    std::int16_t* lightness = &lightness_[slot * lightness_stride_];
    std::memcpy(row, strip.first + static_cast<std::size_t>(i) * strip.stride_bytes, width_ * 3);
    sharpener_.lightness(row, width_, lightness);
    sharpener_.blur_across(lightness, width_, sums_.data(), &blurred_[slot * width_]);
  }
  return {};
}

void SharpenedRows::make_row(int y, std::uint8_t* out) {
  const int radius = sharpener_.radius();
  for (int k = -radius; k <= radius; ++k) {
    const int at = std::clamp(y + k, 0, height_ - 1);
    around_[static_cast<std::size_t>(k + radius)] = &blurred_[slot_of(at) * width_];
  }
  const std::int16_t* lightness = &lightness_[slot_of(y) * lightness_stride_];
  sharpener_.sharpen({&ring_[slot_of(y) * width_ * 3], lightness + radius, around_.data(), width_},
                     sums_.data(), out);
}

Result<Strip> SharpenedRows::pull(int top) {
  if (filled_ == 0) begin();
  const int end = std::min(top + kStripRows, height_);
  while (filled_ < std::min(end + sharpener_.radius(), height_)) IMGRING_TRY_VOID(fill());
  for (int y = top; y < end; ++y)
    make_row(y, &strip_[static_cast<std::size_t>(y - top) * width_ * 3]);
  return Strip{strip_.data(), width_ * 3, end - top};
}

Result<Strip> StandardRows::pull(int top) {
  const int bands = job_.result_bands();
  const auto width = static_cast<std::size_t>(job_.result_width());
  const std::size_t stride_bytes = width * static_cast<std::size_t>(bands);
  if (strip_ == nullptr)
    strip_.reset(static_cast<std::uint8_t*>(std::malloc(kStripRows * stride_bytes)));
  if (strip_ == nullptr) return std::unexpected(no_memory_for_rows());
  IMGRING_TRY(const Strip strip, rows_.pull(top));
  for (std::size_t i = 0; i < static_cast<std::size_t>(strip.row_count); ++i) {
    job_.profile->to_srgb(strip.first + i * strip.stride_bytes, width, bands,
                          strip_.get() + i * stride_bytes);
  }
  return Strip{strip_.get(), stride_bytes, strip.row_count};
}

}  // namespace imgring::image
