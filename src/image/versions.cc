// Names and abilities of the image libraries.
#include "imgring/image/versions.h"

#include <vips/vips.h>

#include "imgring/image/encoder.h"
#include "imgring/image/loader.h"

namespace imgring::image {

std::string vips_version_text() { return std::string("libvips ") + vips_version_string(); }

std::string formats_text() {
  std::string text;
  for (int i = 1; i < kImageTypeCount; ++i) {
    const auto type = static_cast<ImageType>(i);
    const bool loads = can_load(type);
    const bool saves = can_save(type);
    if (!text.empty()) text += ", ";
    text += facts_of(type).name;
    text += loads && saves ? " (load, save)" : loads ? " (load)" : saves ? " (save)" : " (none)";
  }
  return text;
}

}  // namespace imgring::image
