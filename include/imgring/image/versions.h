// Which image library this is. Any thread.
#pragma once

#include <string>

namespace imgring::image {

// "libvips 8.14.1"
std::string vips_version_text();

}  // namespace imgring::image
