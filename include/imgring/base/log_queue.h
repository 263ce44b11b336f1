// Lines on their way to a descriptor: a ring of a fixed size, and the one thread that writes.
// Owns: ring and thread. Any thread pushes.
// Promises: nobody waits for the descriptor, nor for another who pushes: a line that finds no room
// is dropped and counted, and the count is said once it flows again. Lines of one thread keep their
// order. Memory is the ring's, taken at the start.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "imgring/base/log.h"

namespace imgring {

// Some 1500 lines of requests: what 250 requests a second write in three seconds, longer than a
// container engine or journal waits for its disk. A power of two.
inline constexpr std::size_t kLogRingBytes = 512 << 10;
// What a stalled reader may hold up at the end of the process.
inline constexpr std::chrono::milliseconds kLogFlushTime{1000};

struct LogQueueOptions {
  int fd = 1;
  LogFormat format = LogFormat::kStructured;  // of the line about dropped lines
  bool priorities = false;                    // lines begin with their level: journals
  std::size_t ring_bytes = kLogRingBytes;     // a power of two, above twice kLogLineBytesMax
  std::chrono::milliseconds flush_time = kLogFlushTime;
};

class LogQueue {
 public:
  explicit LogQueue(const LogQueueOptions& options);
  // Writes what is left; a reader that takes nothing is waited for no longer than flush_time.
  ~LogQueue();
  LogQueue(const LogQueue&) = delete;
  LogQueue& operator=(const LogQueue&) = delete;

  // At most kLogLineBytesMax, with its newline.
  void push(LogLevel level, std::string_view line) noexcept;
  // Until all that was pushed is written. False: not within the limit (flush_time).
  bool flush(std::optional<std::chrono::milliseconds> limit = std::nullopt) noexcept;
  // Lines without room, and lines that the descriptor refused.
  std::uint64_t dropped() const noexcept;
  bool priorities() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;  // the thread's too: one that hangs in a write outlives us
};

// Whether a descriptor is systemd's journal (JOURNAL_STREAM, systemd.exec(5)), which takes "<N>" at
// the beginning of a line as its level.
bool is_journal(int fd) noexcept;

// For those without a queue. May wait for the descriptor; gives up when it is gone.
void write_log_straight(int fd, std::string_view line) noexcept;
// Of the process's queue, when the process breaks: for as long as a last word may take. The line
// that tells which request it was may be some milliseconds old. Signal handlers may call it.
void flush_log_for_the_end() noexcept;

}  // namespace imgring
