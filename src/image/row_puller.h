// Rows of a finished image, strip by strip on the calling thread (pull mode, decision 3): no
// libvips sink, no other threads, and the stop flag is looked at between strips.
// Owns: a region. The image must outlive it. Helper threads only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "imgring/image/stop.h"
#include "imgring/image/vips_image.h"

namespace imgring::image {

// Full width; heights from 8 to the whole image cost the same.
inline constexpr int kStripRows = 16;

struct Strip {
  const std::uint8_t* first = nullptr;  // valid until the next pull
  std::size_t stride_bytes = 0;
  int row_count = 0;
};

class RowSource {
 public:
  virtual ~RowSource() = default;
  // Rows from `top` on, at most kStripRows, top to bottom.
  virtual Result<Strip> pull(int top) = 0;
};

class RowPuller final : public RowSource {
 public:
  RowPuller(VipsImage* image, const StopFlag& stop) noexcept;
  Result<Strip> pull(int top) override;

 private:
  VipsImage* image_;
  const StopFlag& stop_;
  VipsRegionPtr region_;
  ShortageWatch shortages_;
};

}  // namespace imgring::image
