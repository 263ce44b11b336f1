// libexif's function under its own name: calls of libvips come here first.
#include "library_exif.h"

#include <dlfcn.h>

#include <algorithm>

namespace {

using Load = void (*)(void*, const unsigned char*, unsigned);
constexpr const char* kLoadName = "exif_data_load_data";

}  // namespace

extern "C" [[gnu::visibility("default")]] void exif_data_load_data(void* data,
                                                                   const unsigned char* bytes,
                                                                   unsigned size) {
  static const auto next = reinterpret_cast<Load>(dlsym(RTLD_NEXT, kLoadName));
  next(data, bytes, std::min<unsigned>(size, imgring::image::kExifReadMax));
}

namespace imgring::image {

void guard_exif() noexcept {}

}  // namespace imgring::image
