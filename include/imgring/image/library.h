// libvips as a whole: its start and end, and the threads that it takes for its own. For those who
// start the process and its helpers, without libvips' own header.
// init_vips, keep_svg_out and shutdown_vips: main thread, once.
#pragma once

#include <functional>

#include "imgring/base/error.h"

namespace imgring::image {

// Sets libvips up for serving: concurrency 1, no operation cache, untrusted loaders blocked except
// svg and jxl, GLib messages to the given sink. The error says what is missing.
Result<void> init_vips(const char* program_name);
void shutdown_vips();
// From here on this process opens no SVG by libvips: children do (svg_drawing.h).
void keep_svg_out();

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
