// libvips' tracked memory.
#include "imgring/image/vips_memory.h"

#include <vips/vips.h>

namespace imgring::image {

VipsMemory vips_memory() noexcept {
  return {vips_tracked_get_mem(), vips_tracked_get_mem_highwater(),
          static_cast<std::uint64_t>(vips_tracked_get_allocs())};
}

}  // namespace imgring::image
