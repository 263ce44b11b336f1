// What this build's image libraries are and can do, as text for `version --verbose`. Main thread,
// after init_vips.
#pragma once

#include <string>

namespace imgring::image {

// "libvips 8.14.1"
std::string vips_version_text();
// "jpeg (load, save), ..." of every format.
std::string formats_text();

}  // namespace imgring::image
