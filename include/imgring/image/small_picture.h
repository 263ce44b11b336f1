// A decoded picture with all of its rows in one block of memory: what the native front leaves for
// the steps and savers behind it.
// Owns the block, which nobody else has. Any thread, one at a time.
// Only PixelBlock knows where the bytes come from: they can lie in a memory file that another
// process takes over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "imgring/base/error.h"
#include "imgring/image/vips_image.h"

namespace imgring::image {

class PixelBlock {
 public:
  PixelBlock() = default;
  // Whatever was there before. kOverloaded: the system has no memory.
  static Result<PixelBlock> of(std::size_t size_bytes);
  std::uint8_t* data() const noexcept { return bytes_.get(); }
  std::size_t size_bytes() const noexcept { return size_bytes_; }

 private:
  struct Free {
    void operator()(std::uint8_t* bytes) const noexcept { std::free(bytes); }
  };
  std::unique_ptr<std::uint8_t, Free> bytes_;
  std::size_t size_bytes_ = 0;
};

// 8 bits a sample; a row begins where the one above it ends.
struct SmallPicture {
  PixelBlock block;
  int width = 0, height = 0, bands = 0;

  std::size_t row_bytes() const noexcept {
    return static_cast<std::size_t>(width) * static_cast<std::size_t>(bands);
  }
  std::uint8_t* row(int y) const noexcept {
    return block.data() + static_cast<std::size_t>(y) * row_bytes();
  }
};

// An image of libvips over the same bytes, which owns the block from now on. `header` has the
// picture's size and bands, and the metadata that the image gets; its pixels are not looked at.
// Helper threads only.
Result<VipsImagePtr> as_memory_image(SmallPicture picture, VipsImage* header);

}  // namespace imgring::image
