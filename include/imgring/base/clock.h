// Where the time comes from: a value that its users are given, so that a test can give its own.
// The system's is one object of the process; the rest of the program asks no clock of the kernel's
// but through it (tools/tidy.py has the list of who may). Any thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace imgring {

class TimeSource {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  virtual ~TimeSource() = default;
  // Never goes back.
  virtual Time now() const noexcept = 0;
  // The time of day, as the operator's clock has it.
  virtual std::int64_t unix_s() const noexcept = 0;
  // A loop has nothing to do before `due`: how long may it wait for the kernel?
  virtual Duration patience(Time due) const noexcept { return due - now(); }
  // It waited so, and nothing came.
  virtual void nothing_until(Time) noexcept {}
};

TimeSource& system_time() noexcept;

}  // namespace imgring
