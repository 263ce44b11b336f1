// Log records: one line each to a descriptor, in imgproxy's formats.
// Owns: format and level; writes each record with one write(2), so any thread may log.
// Secrets never reach it: callers pass what may be read by an operator.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace imgring {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError, kCritical };
enum class LogFormat : std::uint8_t { kPretty, kStructured, kJson, kGcp };

// A field's value; nested groups are lists of fields (processing_options.width=50).
struct LogField;
using LogGroup = std::vector<LogField>;
struct LogField {
  std::string key;
  std::variant<std::string, std::int64_t, double, bool, LogGroup> value;
};

class Logger {
 public:
  Logger(LogFormat format, LogLevel level, int fd = 1) noexcept
      : format_(format), level_(level), fd_(fd) {}
  bool enabled(LogLevel level) const noexcept { return level >= level_; }
  // Fields keep their order; error, source and stack always come last.
  void write(LogLevel level, std::string_view message, const LogGroup& fields = {}) const;
  void debug(std::string_view m, const LogGroup& f = {}) const { write(LogLevel::kDebug, m, f); }
  void info(std::string_view m, const LogGroup& f = {}) const { write(LogLevel::kInfo, m, f); }
  void warning(std::string_view m, const LogGroup& f = {}) const {
    write(LogLevel::kWarning, m, f);
  }
  void error(std::string_view m, const LogGroup& f = {}) const { write(LogLevel::kError, m, f); }
  void critical(std::string_view m, const LogGroup& f = {}) const {
    write(LogLevel::kCritical, m, f);
  }
  // The line as written, without the newline's write (tests).
  std::string line(LogLevel level, std::string_view message, const LogGroup& fields) const;

 private:
  LogFormat format_;
  LogLevel level_;
  int fd_;
};

}  // namespace imgring
