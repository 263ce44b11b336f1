// The end of a process whose own invariant broke.
// Owns nothing; any thread. Promises: no allocation on the way out, and no wait without an end.
#include "imgring/base/check.h"

#include <poll.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include "imgring/base/log_queue.h"

namespace imgring {

void write_last_words(std::string_view line) noexcept {
  constexpr int kPatienceMs = 200;
  pollfd room{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  // A pipe that has room takes a line at once. The process ends in any case, so a failed write
  // changes nothing.
  if (poll(&room, 1, kPatienceMs) == 1) {
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
  }
  flush_log_for_the_end();
}

void check_failed(const char* condition, const char* file, int line) noexcept {
  char text[512];
  const int wanted =
      std::snprintf(text, sizeof text, "%s:%d: broken invariant: %s\n", file, line, condition);
  if (wanted > 0) {
    const auto size = static_cast<std::size_t>(wanted) < sizeof text
                          ? static_cast<std::size_t>(wanted)
                          : sizeof text - 1;
    write_last_words({text, size});
  }
  std::abort();
}

}  // namespace imgring
