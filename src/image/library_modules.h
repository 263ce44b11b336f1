// Which of libvips' modules are loaded. Debian's libvips has five, each with its libraries, and
// loads all of them: ImageMagick, OpenSlide and poppler, which no URL can reach here, took 1 MB of
// a server at rest and 13 of the 56 ms until a child is ready. Owns: for a moment the environment
// variable VIPSHOME, where libvips looks for its modules. Main thread, while no other one reads the
// environment.
#pragma once

#include <string>

namespace imgring::image {

// Lives while libvips starts, which then loads no module. Where the operator has set VIPSHOME, or
// libvips has no folder of modules beside it, nothing is changed.
class ModulesHeldBack {
 public:
  ModulesHeldBack();
  ~ModulesHeldBack();
  ModulesHeldBack(const ModulesHeldBack&) = delete;
  ModulesHeldBack& operator=(const ModulesHeldBack&) = delete;
  // AVIF, HEIC and JPEG XL, as far as they are installed. Once libvips has started.
  void load_needed() const;

 private:
  std::string folder_;  // of the modules; empty: libvips loads them itself
};

// Where a libvips at this path keeps its modules; empty: none stand there.
std::string modules_folder(const std::string& library_path);

}  // namespace imgring::image
