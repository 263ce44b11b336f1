// Decoded rows cut and made smaller; the result turned; a background put under what is transparent:
// each pulls rows from the one before, for native.cc.
// Own a few rows, the turned one the whole result. What they pull from must outlive them. Helper
// threads only.
#pragma once

#include <vector>

#include "pixel_source.h"
#include "row_puller.h"

namespace imgring::image {

// Rows of the source live in a ring just long enough for the taps of one result row: first the rows
// are weighed into one, then its pixels.
class ResizedRows final : public RowSource {
 public:
  ResizedRows(const NativeJob& job, PixelSource* source, const StopFlag& stop);
  Result<void> begin();
  Result<Strip> pull(int top) override;

 private:
  Result<void> make_row(int index, std::uint8_t* out);
  Result<void> fill(std::uint8_t* slot);
  Result<void> fill_boxes(std::uint8_t* slot);
  std::uint8_t* slot_of(int row) const noexcept;
  std::size_t bytes_of(int pixels) const noexcept;

  const NativeJob& job_;
  PixelSource* source_;
  const StopFlag& stop_;
  const codec::ResizeLoops& loops_;
  codec::AxisWeights across_, down_;
  bool multiplied_, boxes_;
  int left_ = 0, pixel_count_ = 0;       // of a source row, what is looked at
  int row_end_ = 0;                      // of the axis, in source rows
  int rows_read_ = 0, rows_filled_ = 0;  // of the source; of the ring, all told
  std::size_t stride_bytes_ = 0, strip_stride_bytes_ = 0;
  std::size_t skipped_bytes_ = 0;  // of a slot, in front of the pixels looked at
  MallocedBytes ring_, scratch_, multiplied_row_, strip_;
  MallocedBytes fine_, sums_;               // 16 bit
  const std::uint8_t* last_row_ = nullptr;  // repeats below the last one
};

// The whole result in memory, as pulled and read in another order.
class TurnedRows final : public RowSource {
 public:
  TurnedRows(const NativeJob& job, RowSource* rows) noexcept : job_(job), rows_(*rows) {}
  Result<Strip> pull(int top) override;

 private:
  Result<void> pull_all();

  const NativeJob& job_;
  RowSource& rows_;
  MallocedBytes picture_, strip_;
};

class FlattenedRows final : public RowSource {
 public:
  FlattenedRows(const NativeJob& job, RowSource* rows) noexcept : job_(job), rows_(*rows) {}
  Result<Strip> pull(int top) override;

 private:
  const NativeJob& job_;
  RowSource& rows_;
  MallocedBytes strip_;
};

}  // namespace imgring::image
