// Threads that libraries start by themselves, and what becomes of the process when the system has
// none left for them (RLIMIT_NPROC, TasksMax). libvips and libwebp say so or go on alone. Others
// are kept from trying:
//   * dav1d fails as if the picture were broken;
//   * libjxl and libheif (pictures of many tiles) throw through C code, which ends the process;
//   * libde265 and x265 wait for the thread that did not start, for ever;
//   * libgomp, below libimagequant (GIF, PNG with a palette), ends the process: it gets one thread,
//     the caller's. Helpers are as many as processors, more threads only took their turns.
// Any thread.
#pragma once

#include "imgring/base/error.h"
#include "imgring/base/image_type.h"
#include "imgring/base/text.h"

namespace imgring::image {

// kOverloaded when so many threads can't be started now. They are, and end again: 15 us each.
Result<void> expect_threads(unsigned count);
// For what the library of that format would start; 0 for most.
unsigned threads_to_load(ImageType type, ByteSpan source) noexcept;
unsigned threads_to_save(ImageType type) noexcept;

// In a child, before it has no files: x265 counts processors by libnuma, which reads files at its
// first answer and keeps it; without one the encoder starts no threads and leaves out what they
// need.
void show_processors_to_x265() noexcept;

// Keeps the function that stands before libgomp's in the program.
void guard_openmp() noexcept;

}  // namespace imgring::image
