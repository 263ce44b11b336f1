// libvips looks for modules once, in vips_init; its only handle is VIPSHOME.
#include "library_modules.h"

#include <dlfcn.h>
#include <gmodule.h>
#include <vips/vips.h>

#include <cstdlib>

namespace imgring::image {
namespace {

constexpr const char* kVariable = "VIPSHOME";
// libvips looks below it, and nothing can be there.
constexpr const char* kNowhere = "/dev/null";
constexpr const char* kNeeded[] = {"vips-heif.so", "vips-jxl.so"};

std::string library_path() {
  Dl_info info{};
  const bool known = dladdr(reinterpret_cast<const void*>(&vips_init), &info) != 0;
  return known && info.dli_fname != nullptr ? info.dli_fname : "";
}

}  // namespace

std::string modules_folder(const std::string& library_path) {
  const std::size_t slash = library_path.rfind('/');
  if (slash == std::string::npos) return "";  // else it would be one of the working directory
  const std::string folder = library_path.substr(0, slash + 1) + "vips-modules-" +
                             std::to_string(vips_version(0)) + "." +
                             std::to_string(vips_version(1));
  return g_file_test(folder.c_str(), G_FILE_TEST_IS_DIR) ? folder : "";
}

ModulesHeldBack::ModulesHeldBack() {
  if (std::getenv(kVariable) != nullptr) return;
  folder_ = modules_folder(library_path());
  if (!folder_.empty()) setenv(kVariable, kNowhere, 1);
}

// libvips sets the variable by itself as well, and children would take it for the operator's.
ModulesHeldBack::~ModulesHeldBack() {
  if (!folder_.empty()) unsetenv(kVariable);
}

void ModulesHeldBack::load_needed() const {
  if (folder_.empty()) return;
  for (const char* name : kNeeded) {
    const std::string path = folder_ + "/" + name;
    if (!g_file_test(path.c_str(), G_FILE_TEST_EXISTS)) continue;
    GModule* module = g_module_open(path.c_str(), G_MODULE_BIND_LAZY);
    if (module == nullptr) {
      g_warning("%s can't be loaded, so its formats are missing: %s", path.c_str(),
                g_module_error());
      continue;
    }
    g_module_make_resident(module);
  }
}

}  // namespace imgring::image
