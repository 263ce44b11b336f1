// Profiles that results can be converted to (paid.md section 9): two of libvips' own, and those of
// a folder.
// Values, made once at the start: a name in a URL opens no file that was not tried then. Any
// thread, but for the making.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace imgring::image {

struct ColourProfile {
  std::string file;            // or libvips' name for one of its own
  bool cmyk = false;           // else RGB
  bool standard_srgb = false;  // of pixels that are sRGB already
};
// By name: "srgb", "cmyk", and files as they are called.
using ColourProfiles = std::map<std::string, ColourProfile, std::less<>>;

// Profiles of presses have 0.5 to 3 MB, and each is tried at the start. What is beyond is left out
// with a warning.
inline constexpr std::size_t kColourProfileBytesMax = 4 << 20;
inline constexpr std::size_t kColourProfilesMax = 256;

// Main thread, libvips is on. A folder that is not there has none, which is no warning; a file that
// is no profile of RGB or CMYK, or that nothing can be converted to, is one.
ColourProfiles find_colour_profiles(const std::string& folder, std::vector<std::string>* warnings);
// As a URL names it: the two names in any case, a file with or without .icc or .icm. Null: none.
const ColourProfile* find_profile(const ColourProfiles& profiles, std::string_view name);

}  // namespace imgring::image
