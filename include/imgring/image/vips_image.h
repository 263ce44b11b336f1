// libvips behind owning handles. libvips is named in `image` and `pipeline` only, through its C
// API.
// Helper threads only.
#pragma once

#include <vips/vips.h>
// libvips 8.16 keeps an old function's name as a macro, which is a member's name in libjpeg.
#undef error_exit

#include <memory>
#include <string>

#include "imgring/base/error.h"
#include "imgring/image/library.h"
#include "imgring/mem/loop_thread.h"

namespace imgring::image {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* p) const noexcept {
    IMGRING_CHECK_OFF_LOOP();
    Free(p);
  }
};
using VipsImagePtr = std::unique_ptr<VipsImage, Deleter<g_object_unref>>;
using VipsRegionPtr = std::unique_ptr<VipsRegion, Deleter<g_object_unref>>;
using VipsSourcePtr = std::unique_ptr<VipsSource, Deleter<g_object_unref>>;

// The text of the libvips error buffer, cleared; and the Error it maps to (processing rules: loader
// messages are kBrokenImage, anything else kInternal).
std::string take_vips_error();
// In that buffer: what is missing is ours. kOverloaded.
inline constexpr const char* kShortageWords = "short of something of the server's: ";
Error vips_failure(std::string_view what);

// True when operation `name` has argument `argument` in this libvips (probed, never by version).
bool vips_has_argument(const char* operation, const char* argument) noexcept;
bool vips_has_operation(const char* operation) noexcept;

}  // namespace imgring::image
