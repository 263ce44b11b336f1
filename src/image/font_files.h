// The only files a locked-in child can open: fonts, whose descriptors it took before.
// Owns the descriptors, for the process's life. Main thread of the child, once.
// Promises: afterwards a call of open or openat that the filter traps gives a descriptor of a font
// that is read from its start, or fails with EACCES, and access() knows these fonts and nothing
// else; nothing is looked up in any file system.
#pragma once

#include <cstddef>

namespace imgring::image {

// Fonts kept open at most: some desktops have thousands, and a picture wants one or two.
inline constexpr std::size_t kFontFilesMax = 4096;

// Reads the configuration of fontconfig and opens every font it knows. How many.
std::size_t open_font_files();
// From here on SIGSYS, which the filter sends for open, access and stat, is answered by us.
bool answer_trapped_calls() noexcept;

}  // namespace imgring::image
