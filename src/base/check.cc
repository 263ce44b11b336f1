// The end of a process whose own invariant broke.
// Owns nothing; any thread. Promises: no allocation on the way out.
#include "imgring/base/check.h"

#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace imgring {

void check_failed(const char* condition, const char* file, int line) noexcept {
  char text[512];
  const int wanted = std::snprintf(text, sizeof text, "%s:%d: broken invariant: %s\n", file, line,
                                   condition);
  if (wanted > 0) {
    const auto size = static_cast<std::size_t>(wanted) < sizeof text
                          ? static_cast<std::size_t>(wanted)
                          : sizeof text - 1;
    // The process ends in any case, so a failed write changes nothing.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, size);
  }
  std::abort();
}

}  // namespace imgring
