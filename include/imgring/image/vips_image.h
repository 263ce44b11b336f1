// libvips behind owning handles. libvips is named in `image` and `pipeline` only, through its C
// API.
// Helper threads only.
#pragma once

#include <vips/vips.h>
// libvips 8.16 keeps an old function's name as a macro, which is a member's name in libjpeg.
#undef error_exit

#include <cstdint>
#include <memory>
#include <new>
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
// A text of that buffer tells of a shortage of the server's, which is nobody's fault but ours.
bool tells_of_shortage(std::string_view text) noexcept;
// Clears the buffer. Not by libvips' own function: a ShortageWatch would not know what was there.
void drop_vips_error() noexcept;
// A line cache of libvips paints black what it had no memory for, says so and goes on. The buffer
// is of all threads: whoever makes pixels asks whether a shortage of memory was told of in it
// since, be it gone again. Of another thread's it may be; memory is short then all the same.
class ShortageWatch {
 public:
  ShortageWatch() noexcept;
  bool seen() const noexcept;
  // kOverloaded, or in a child kBrokenImage, where it was.
  Result<void> check() const;

 private:
  std::uint64_t before_;
};
// In a child, whose memory was planned by the picture's header: what libraries have no memory for
// there is the picture's fault.
void blame_pictures_for_shortages() noexcept;
// For functions that libvips calls for rows: it knows no exceptions, and holds locks meanwhile. -1,
// and those words, where memory ran out in `make`.
template <class F>
int rows_or_shortage(const F& make) noexcept {
  try {
    return make();
  } catch (const std::bad_alloc&) {
    vips_error("rows", "%s", kShortageWords);
    return -1;
  }
}

// True when operation `name` has argument `argument` in this libvips (probed, never by version).
bool vips_has_argument(const char* operation, const char* argument) noexcept;
bool vips_has_operation(const char* operation) noexcept;

}  // namespace imgring::image
