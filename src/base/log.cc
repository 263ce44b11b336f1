// Loggers: a line is built on the stack and goes to a queue, or straight to a descriptor.
// Owns nothing; any thread.
#include "imgring/base/log.h"

#include "imgring/base/clock.h"
#include "imgring/base/log_queue.h"
#include "log_line.h"

namespace imgring {

template <class Fields>
void Logger::build(LogLine& line, LogLevel level, std::string_view message,
                   const Fields& fields) const {
  line.begin(level, LocalTime::of(system_time().unix_s(), zone_), message);
  line.put(fields);
  line.end();
}

std::string Logger::line(LogLevel level, std::string_view message, const LogGroup& fields) const {
  LogLine line(format_);
  build(line, level, message, fields);
  return std::string(line.text().substr(0, line.text().size() - 1));
}

template <class Fields>
void Logger::send(LogLevel level, std::string_view message, const Fields& fields) const {
  if (!enabled(level)) return;
  LogLine line(format_, queue_ != nullptr && queue_->priorities());
  build(line, level, message, fields);
  if (queue_ != nullptr) {
    queue_->push(level, line.text());
  } else {
    write_log_straight(fd_, line.text());
  }
}

void Logger::write(LogLevel level, std::string_view message, const LogGroup& fields) const {
  send(level, message, fields);
}

void Logger::write_views(LogLevel level, std::string_view message,
                         std::span<const LogView> fields) const {
  send(level, message, fields);
}

void Logger::flush() const noexcept {
  if (queue_ != nullptr) queue_->flush();
}

std::uint64_t Logger::lines_dropped() const noexcept {
  return queue_ == nullptr ? 0 : queue_->dropped();
}

}  // namespace imgring
