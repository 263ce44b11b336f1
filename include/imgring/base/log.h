// Log records: one line each to a descriptor, in imgproxy's formats.
// Owns: format and level. Any thread; a record is built on its caller's stack and goes whole to a
// queue, whose thread writes it while nobody waits, or without one straight to a descriptor.
// Promises: no record is longer than kLogLineBytesMax; what was left out of a text is said in it.
// Secrets never reach it: callers pass what may be read by an operator.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace imgring {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError, kCritical };
enum class LogFormat : std::uint8_t { kPretty, kStructured, kJson, kGcp };

// Of each text of a line (the message, a value), as it is written: escapes make up to six bytes of
// one, and a target may have a megabyte. URLs that browsers and proxies let through fit in.
inline constexpr std::size_t kLogTextBytesMax = 4 << 10;
// Of a line with its newline: container engines split what is longer.
inline constexpr std::size_t kLogLineBytesMax = 16 << 10;
// Of it, what the last fields have for themselves: the error matters most.
inline constexpr std::size_t kLogLastBytes = 4 << 10;

// A field's value; nested groups are lists of fields (processing_options.width=50).
struct LogField;
using LogGroup = std::vector<LogField>;
struct LogField {
  std::string key;
  std::variant<std::string, std::int64_t, double, bool, LogGroup> value;
};
// A field that is only looked at while its line is built: for lines of every request.
struct LogView {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, double, bool, const LogGroup*> value;
};

class LogLine;
class LogQueue;

class Logger {
 public:
  Logger(LogFormat format, LogLevel level, int fd = 1) noexcept
      : format_(format), level_(level), fd_(fd) {}
  // `queue` outlives it.
  Logger(LogFormat format, LogLevel level, LogQueue& queue) noexcept
      : format_(format), level_(level), queue_(&queue) {}
  bool enabled(LogLevel level) const noexcept { return level >= level_; }
  // Fields keep their order; error, source and stack always come last.
  void write(LogLevel level, std::string_view message, const LogGroup& fields = {}) const;
  void write_views(LogLevel level, std::string_view message, std::span<const LogView> fields) const;
  void debug(std::string_view m, const LogGroup& f = {}) const { write(LogLevel::kDebug, m, f); }
  void info(std::string_view m, const LogGroup& f = {}) const { write(LogLevel::kInfo, m, f); }
  void warning(std::string_view m, const LogGroup& f = {}) const {
    write(LogLevel::kWarning, m, f);
  }
  void error(std::string_view m, const LogGroup& f = {}) const { write(LogLevel::kError, m, f); }
  void critical(std::string_view m, const LogGroup& f = {}) const {
    write(LogLevel::kCritical, m, f);
  }
  // Waits a bounded time for the queue's lines to be written, before the process leaves.
  void flush() const noexcept;
  // Lines that the queue had no room for or could not write.
  std::uint64_t lines_dropped() const noexcept;
  // The line as written, without the newline's write (tests).
  std::string line(LogLevel level, std::string_view message, const LogGroup& fields) const;

 private:
  template <class Fields>
  void build(LogLine& line, LogLevel level, std::string_view message, const Fields& fields) const;
  template <class Fields>
  void send(LogLevel level, std::string_view message, const Fields& fields) const;

  LogFormat format_;
  LogLevel level_;
  int fd_ = -1;
  LogQueue* queue_ = nullptr;
  mutable std::atomic<std::uint64_t> zone_{0};  // see LocalTime
};

}  // namespace imgring
