// The only files a locked-in child can open: those whose descriptors it took before.
// Owns the descriptors, for the process's life. Main thread of the child, once.
// Promises: afterwards a call of open or openat that the filter traps gives a descriptor of a kept
// file that is read from its start, or fails with EACCES, and access() knows these files and
// nothing else; nothing is looked up in any file system.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace imgring::sandbox {

// Files kept open at most. Some desktops have thousands of fonts, and a picture wants one or two.
inline constexpr std::size_t kKeptFilesMax = 4096;

// Opens these, for a kind's `prepare`. How many it could.
std::size_t keep_files(std::vector<std::string> paths);
// What sched_getaffinity() says from then on: as many of our processors at most. Libraries start a
// thread for each.
void show_processors(unsigned count_max) noexcept;
// From here on SIGSYS, which the filter sends for open, access, stat and sched_getaffinity, is
// answered by us.
bool answer_trapped_calls() noexcept;

}  // namespace imgring::sandbox
