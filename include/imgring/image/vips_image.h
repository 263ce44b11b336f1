// libvips behind owning handles. libvips is named in `image` and `pipeline` only, through its C
// API.
// Helper threads only (init_vips: main, once, before the first helper starts).
#pragma once

#include <vips/vips.h>
// libvips 8.16 keeps an old function's name as a macro, which is a member's name in libjpeg.
#undef error_exit

#include <functional>
#include <memory>
#include <string>

#include "imgring/base/error.h"
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

// Sets libvips up for serving: concurrency 1, no operation cache, untrusted loaders blocked except
// svg and jxl, GLib messages to the given sink. The error says what is missing.
Result<void> init_vips(const char* program_name);
void shutdown_vips();
// From here on this process opens no SVG by libvips: children do (svg_drawing.h).
void keep_svg_out();

// The text of the libvips error buffer, cleared; and the Error it maps to (processing rules: loader
// messages are kBrokenImage, anything else kInternal).
std::string take_vips_error();
Error vips_failure(std::string_view what);

// True when operation `name` has argument `argument` in this libvips (probed, never by version).
bool vips_has_argument(const char* operation, const char* argument) noexcept;
bool vips_has_operation(const char* operation) noexcept;

// Starts a thread libvips takes for one of its own, and gives what joins it; empty: the system has
// no more threads for us. Only in such a thread does libvips find pixels again that two parts of a
// pipeline ask for: elsewhere each colour conversion of a picture with alpha computes everything
// before it twice, and four in a row sixteen times (sharpening 400 x 400 pixels with alpha: 1580 ms
// of CPU in a std::thread, 110 ms here).
std::function<void()> start_thread(std::function<void()> body);

// After each job on a helper: clears the error buffer and what libvips keeps for the thread, pixels
// of pictures that are gone. At thread end: thread_finished().
void job_finished() noexcept;
void thread_finished() noexcept;

}  // namespace imgring::image
