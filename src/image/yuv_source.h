// A picture as WebP keeps it, from one who has it so: YUV 4:2:0 of ITU-R BT.601, luma of 16..235,
// chroma of 16..240 about 128, a sample in the middle of its four pixels.
// Owns nothing. Helper threads only.
#pragma once

#include <cstdint>

#include "imgring/base/error.h"

namespace imgring::image {

// Where it goes: width by height samples of luma, of chroma half as many, rounded up.
struct YuvRoom {
  std::uint8_t *y = nullptr, *u = nullptr, *v = nullptr;
  int y_stride = 0, uv_stride = 0;  // bytes
  int width = 0, height = 0;
};

class YuvSource {
 public:
  virtual ~YuvSource() = default;
  // All of it, once.
  virtual Result<void> write(const YuvRoom& room) = 0;
};

}  // namespace imgring::image
