// The library's own number, not that of the headers this was built with.
#include "imgring/image/versions.h"

#include <vips/vips.h>

namespace imgring::image {

std::string vips_version_text() { return std::string("libvips ") + vips_version_string(); }

}  // namespace imgring::image
