// A still WebP decoded by libwebp at once: planes of luma and chroma of a lossy one, RGB or RGBA of
// any.
// DecodedWebp owns the pixels, kWebpPixelsBytesMax at most; what reads them must not outlive it,
// nor it the scratch that they are of. Helper threads only. Errors: not_native() where it is
// damaged, moves or is too large; kOverloaded without memory.
#pragma once

#include <cstdint>

#include "imgring/image/decode_scratch.h"
#include "small_rows.h"

namespace imgring::image {

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

  PixelView colours() const noexcept;
  PixelView y() const noexcept { return plane(0, size_); }
  PixelView u() const noexcept { return plane(size_.bytes(), chroma_size()); }
  PixelView v() const noexcept {
    return plane(size_.bytes() + chroma_size().bytes(), chroma_size());
  }

 private:
  Result<void> make_room(std::size_t bytes);
  PixelView plane(std::size_t at, PlaneSize size) const noexcept {
    return {pixels_ + at, static_cast<std::size_t>(size.width), size};
  }

  ByteSpan source_;
  PlaneSize size_;
  bool lossy_ = false, alpha_ = false;
  DecodeScratch* scratch_ = nullptr;
  // One of both holds the pixels.
  DecodeScratch::Block block_;
  MallocedBytes own_;
  std::uint8_t* pixels_ = nullptr;
};

}  // namespace imgring::image
