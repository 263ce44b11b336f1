// What the image libraries of this machine load and save: asked once, at start
// (image/abilities.h), and handed on with the configuration. A value; any thread.
#pragma once

#include <string>
#include <vector>

#include "imgring/base/image_type.h"

namespace imgring::format {

struct Abilities {
  ImageTypeSet loads, saves;  // SVG is never saved

  // For who has not asked: loaders and savers say themselves what they can't.
  static Abilities all() noexcept;
  bool can_load(ImageType type) const noexcept { return loads.has(type); }
  bool can_save(ImageType type) const noexcept { return saves.has(type); }
  // As a format that is asked for: none, or SVG, which is sent as it is (urls.md 3.5).
  bool can_answer_in(ImageType type) const noexcept {
    return type == ImageType::kUnknown || type == ImageType::kSvg || can_save(type);
  }
};

// "jpeg (load, save), ..." of every format.
std::string abilities_text(const Abilities& can);
// " cannot load jxl and cannot save heic", for the log at start; empty: nothing is missing.
std::string missing_text(const Abilities& can);
// Preferred formats that can be saved, with a warning text for those dropped.
std::string drop_unsaved(std::vector<ImageType>* preferred, const Abilities& can);

}  // namespace imgring::format
