// Rows of a finished size with their colours changed: blurred, sharpened; out of the space of a
// profile into sRGB. Each pulls rows from the one before, for native.cc. Own a few rows. What they
// pull from must outlive them. Helper threads only.
#pragma once

#include <vector>

#include "imgring/codec/blur.h"
#include "imgring/codec/sharpen.h"
#include "pixel_source.h"
#include "row_puller.h"

namespace imgring::image {

// Without alpha. Rows wait in a ring until those below them that count have come.
class BlurredRows final : public RowSource {
 public:
  BlurredRows(const NativeJob& job, RowSource* rows);
  Result<Strip> pull(int top) override;

 private:
  Result<void> fill();
  std::uint8_t* slot_of(int y) noexcept {
    return &ring_[static_cast<std::size_t>(y % row_count_) * row_bytes_];
  }

  RowSource& rows_;
  const codec::Blurrer blurrer_;
  const std::size_t width_, bands_, row_bytes_;
  const int height_, row_count_;  // of the picture; of the ring
  int filled_ = 0;                // rows pulled
  std::vector<std::uint8_t> ring_, wide_, strip_;
  std::vector<float> sums_;
  std::vector<const std::uint8_t*> around_;
};

// RGB without alpha. Rows wait in a ring until those below them that count have come.
class SharpenedRows final : public RowSource {
 public:
  SharpenedRows(const NativeJob& job, RowSource* rows);
  Result<Strip> pull(int top) override;

 private:
  void begin();
  Result<void> fill();
  void make_row(int y, std::uint8_t* out);
  std::size_t slot_of(int y) const noexcept { return static_cast<std::size_t>(y % row_count_); }

  RowSource& rows_;
  const codec::Sharpener sharpener_;
  const std::size_t width_;
  const int height_, row_count_;  // of the picture; of the ring
  int filled_ = 0;                // rows pulled
  std::size_t lightness_stride_ = 0;
  std::vector<std::uint8_t> ring_, strip_;
  std::vector<std::int16_t> lightness_, blurred_;
  std::vector<float> sums_;
  std::vector<const std::int16_t*> around_;
};

class StandardRows final : public RowSource {
 public:
  StandardRows(const NativeJob& job, RowSource* rows) noexcept : job_(job), rows_(*rows) {}
  Result<Strip> pull(int top) override;

 private:
  const NativeJob& job_;
  RowSource& rows_;
  MallocedBytes strip_;
};

}  // namespace imgring::image
