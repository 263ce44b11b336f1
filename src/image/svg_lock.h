// How a child that draws SVGs shuts itself in.
// Owns: descriptors of fonts, for the rest of the process's life. Main thread of the child, once,
// before any other thread.
// Promises: after lock_in() the process can compute, take memory up to a gigabyte of addresses,
// talk over the socket it has, and open the fonts that were there; other calls fail.
#pragma once

#include <cstddef>

#include "imgring/base/error.h"

namespace imgring::image {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;  // reserves terabytes of addresses, has threads of its own
#else
inline constexpr bool kSanitized = false;
#endif

inline constexpr std::size_t kSvgAddressBytesMax = std::size_t{1} << 30;

// libvips, fonts, and a first picture: whatever reads files to be ready.
Result<void> prepare_to_draw();
// The error says what the kernel refused.
Result<void> lock_in();

}  // namespace imgring::image
