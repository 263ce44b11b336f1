// A small picture, as what tells of colours looks at it: 8 bits a sample, RGBA, not premultiplied,
// rows without gaps. A view; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "imgring/base/text.h"

namespace imgring::info {

struct Pixels {
  ByteSpan rgba;  // width * height * 4
  int width = 0, height = 0;

  std::size_t count() const noexcept {
    return static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  }
  const std::uint8_t* at(std::size_t index) const noexcept { return rgba.data() + index * 4; }
};

}  // namespace imgring::info
