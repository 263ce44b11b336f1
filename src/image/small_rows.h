// Pixels in memory cut and made smaller, row by row.
// SmallRows owns a few rows; the pixels must outlive it. Helper threads, and the child.
#pragma once

#include <cstddef>
#include <cstdint>

#include "native_rows.h"

namespace imgring::image {

struct PlaneSize {
  int width = 0, height = 0;
  std::size_t bytes() const noexcept {
    return static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  }
};
// Nothing behind the last row is read.
struct PixelView {
  const std::uint8_t* first = nullptr;
  std::size_t stride_bytes = 0;
  PlaneSize size;
  int bands = 1;
};

struct ResizeAxes {
  codec::ResizeAxis across, down;
};

class SmallRows {
 public:
  SmallRows(PixelView pixels, const ResizeAxes& axes, const StopFlag& stop);
  SmallRows(const SmallRows&) = delete;
  SmallRows& operator=(const SmallRows&) = delete;

  Result<void> begin() { return rows_.begin(); }
  // Until the next call.
  Result<const std::uint8_t*> next();

 private:
  class Source final : public PixelSource {
   public:
    explicit Source(PixelView pixels) noexcept : pixels_(pixels) {}
    int width() const noexcept override { return pixels_.size.width; }
    Result<const std::uint8_t*> next_row(std::uint8_t* room) override;
    Result<void> finish(std::uint8_t*) override { return {}; }

   private:
    const PixelView pixels_;
    std::size_t row_ = 0;
  };

  const NativeJob job_;
  Source source_;
  ResizedRows rows_;
  Strip strip_;
  int top_ = 0, given_ = 0;
};

// The whole of an axis.
codec::ResizeAxis whole_axis(int size, int resized) noexcept;
ResizeAxes whole_axes(PlaneSize size, PlaneSize resized) noexcept;
// The same of a plane of coarser samples, each of which stands for so many of its pixels, from the
// same edges: at the other ones the last may stand for less.
ResizeAxes coarser_axes(const ResizeAxes& axes, PlaneSize plane, int by_across,
                        int by_down) noexcept;
// Whether the loops can make it smaller so far.
bool resizable(const codec::ResizeAxis& axis) noexcept;
bool resizable(const ResizeAxes& axes) noexcept;

}  // namespace imgring::image
