// fontconfig's list.
#include "font_files.h"

#include <fontconfig/fontconfig.h>

namespace imgring::image {

std::vector<std::string> font_files() {
  std::vector<std::string> paths;
  if (FcInit() != FcTrue) return paths;
  // No looking whether fonts have changed: the answer would be that all are gone.
  FcConfigSetRescanInterval(nullptr, 0);
  for (const FcSetName kind : {FcSetSystem, FcSetApplication}) {
    const FcFontSet* set = FcConfigGetFonts(nullptr, kind);
    for (int i = 0; set != nullptr && i < set->nfont; ++i) {
      FcChar8* path = nullptr;
      if (FcPatternGetString(set->fonts[i], FC_FILE, 0, &path) != FcResultMatch) continue;
      paths.emplace_back(reinterpret_cast<const char*>(path));
    }
  }
  return paths;
}

}  // namespace imgring::image
