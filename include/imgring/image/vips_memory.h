// What libvips itself counts of its memory. Any thread.
#pragma once

#include <cstdint>

namespace imgring::image {

struct VipsMemory {
  std::uint64_t used_bytes = 0;
  std::uint64_t peak_bytes = 0;
  std::uint64_t allocations = 0;
};
VipsMemory vips_memory() noexcept;

}  // namespace imgring::image
