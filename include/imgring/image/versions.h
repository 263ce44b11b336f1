// What this build's image libraries are and can do, as text for `version --verbose`. Main thread,
// after init_vips.
#pragma once

#include <string>

#include "imgring/base/image_type.h"

namespace imgring::image {

// "libvips 8.14.1"
std::string vips_version_text();
// "jpeg (load, save), ..." of every format.
std::string formats_text();
// What has no loader or no saver in the libraries here, for the log at start; empty: nothing.
// Whether libheif has its encoders shows at the first picture that needs one: asking costs 2 MB.
using HasFormat = bool (*)(ImageType) noexcept;
std::string missing_formats_text(HasFormat loads, HasFormat saves);
bool has_saver(ImageType type) noexcept;

}  // namespace imgring::image
