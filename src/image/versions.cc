// Names and abilities of the image libraries.
#include "imgring/image/versions.h"

#include <vips/vips.h>

#include "encoders.h"
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

namespace {

std::string names_without(HasFormat has) {
  std::string names;
  for (int i = 1; i < kImageTypeCount; ++i) {
    const auto type = static_cast<ImageType>(i);
    if (has(type)) continue;
    if (!names.empty()) names += ", ";
    names += facts_of(type).name;
  }
  return names;
}

}  // namespace

std::string missing_formats_text(HasFormat loads, HasFormat saves) {
  const std::string unread = names_without(loads);
  const std::string unwritten = names_without(saves);
  if (unread.empty() && unwritten.empty()) return {};
  std::string text = vips_version_text();
  if (!unread.empty()) text += " cannot load " + unread;
  if (!unread.empty() && !unwritten.empty()) text += " and";
  if (!unwritten.empty()) text += " cannot save " + unwritten;
  return text + ": such requests are answered with 422";
}

// SVG is sent, never saved.
bool has_saver(ImageType type) noexcept {
  return type == ImageType::kSvg || has_own_saver(type) || vips_has_saver(type);
}

}  // namespace imgring::image
