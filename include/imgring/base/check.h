// IMGRING_CHECK: a broken invariant of our own stops the process, in every build.
// Never for input: bad input is an Error. Any thread.
#pragma once

#include <string_view>

namespace imgring {

// Writes one line to standard error and aborts.
[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;

// For whoever ends the process: to standard error, but not to a reader that takes nothing, and
// what the log's queue still holds, for as long as that may take.
void write_last_words(std::string_view line) noexcept;

}  // namespace imgring

#define IMGRING_CHECK(condition)                       \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::imgring::check_failed(#condition, __FILE__, __LINE__))
