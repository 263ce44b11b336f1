// A still WebP decoded by libwebp at once: planes of luma and chroma of a lossy one, RGB or RGBA of
// any; and pixels in memory made smaller.
// DecodedWebp owns the pixels, kWebpPixelsBytesMax at most; what reads them must not outlive it,
// nor it the scratch that they are of. Helper threads only. Errors: not_native() where it is
// damaged, moves or is too large; kOverloaded without memory.
#pragma once

#include <cstdint>

#include "native_rows.h"

namespace imgring::image {

struct PlaneSize {
  int width = 0, height = 0;
  std::size_t bytes() const noexcept {
    return static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  }
};
struct PixelView {
  const std::uint8_t* first = nullptr;  // rows without gaps, codec::kRowPadBytes behind the last
  PlaneSize size;
  int bands = 1;
};

class DecodedWebp {
 public:
  // Memory of the allocator's own is as good below it.
  static constexpr std::size_t kScratchBytesMin = std::size_t{1} << 20;

  // Reads the header alone.
  Result<void> open(ByteSpan source, DecodeScratch* scratch);
  bool has_planes() const noexcept { return lossy_ && !alpha_; }
  bool alpha() const noexcept { return alpha_; }
  PlaneSize size() const noexcept { return size_; }
  PlaneSize chroma_size() const noexcept { return {(size_.width + 1) / 2, (size_.height + 1) / 2}; }

  // Behind open(), one of both, once. Planes: where it has them.
  Result<void> decode_planes();
  Result<void> decode_colours();

  PixelView colours() const noexcept { return {pixels_, size_, alpha_ ? 4 : 3}; }
  PixelView y() const noexcept { return {pixels_, size_}; }
  PixelView u() const noexcept { return {y().first + size_.bytes(), chroma_size()}; }
  PixelView v() const noexcept { return {u().first + chroma_size().bytes(), chroma_size()}; }

 private:
  Result<void> make_room(std::size_t bytes);

  ByteSpan source_;
  PlaneSize size_;
  bool lossy_ = false, alpha_ = false;
  DecodeScratch* scratch_ = nullptr;
  // One of both holds the pixels.
  DecodeScratch::Block block_;
  MallocedBytes own_;
  std::uint8_t* pixels_ = nullptr;
};

// Rows of pixels in memory, cut and made smaller.
class SmallRows {
 public:
  SmallRows(PixelView pixels, const codec::ResizeAxis& across, const codec::ResizeAxis& down,
            const StopFlag& stop);
  // The whole, made smaller.
  SmallRows(PixelView pixels, PlaneSize wanted, const StopFlag& stop);
  SmallRows(const SmallRows&) = delete;
  SmallRows& operator=(const SmallRows&) = delete;

  Result<void> begin() { return rows_.begin(); }
  // Until the next call.
  Result<const std::uint8_t*> next();

 private:
  class Source final : public PixelSource {
   public:
    explicit Source(PixelView pixels) noexcept : next_(pixels.first), pixels_(pixels) {}
    int width() const noexcept override { return pixels_.size.width; }
    Result<const std::uint8_t*> next_row(std::uint8_t*) override {
      const std::uint8_t* row = next_;
      next_ += std::ptrdiff_t{pixels_.size.width} * pixels_.bands;
      return row;
    }
    Result<void> finish(std::uint8_t*) override { return {}; }

   private:
    const std::uint8_t* next_;
    const PixelView pixels_;
  };

  const NativeJob job_;
  Source source_;
  ResizedRows rows_;
  Strip strip_;
  int top_ = 0, given_ = 0;
};

// The whole of an axis.
codec::ResizeAxis whole_axis(int size, int resized) noexcept;
// Whether the loops can make it smaller so far.
bool resizable(const codec::ResizeAxis& axis) noexcept;

}  // namespace imgring::image
