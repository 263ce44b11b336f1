// GLib's messages on their way to the log.
#include "imgring/image/library_words.h"

#include <vips/vips.h>  // and by it GLib, whose macros it keeps from our warnings

#include <chrono>

namespace imgring::image {

namespace {

LogLevel level_of(unsigned level) noexcept {
  if ((level & (G_LOG_FLAG_FATAL | G_LOG_LEVEL_ERROR)) != 0) return LogLevel::kCritical;
  if ((level & G_LOG_LEVEL_CRITICAL) != 0) return LogLevel::kError;
  if ((level & G_LOG_LEVEL_WARNING) != 0) return LogLevel::kWarning;
  return (level & G_LOG_LEVEL_MESSAGE) != 0 ? LogLevel::kInfo : LogLevel::kDebug;
}

}  // namespace

LibraryWords::LibraryWords(const Logger& log) : log_(log) {
  g_log_set_default_handler(
      [](const char* domain, GLogLevelFlags level, const char* message, void* me) {
        static_cast<LibraryWords*>(me)->say(domain, level, message);
      },
      this);
}

LibraryWords::~LibraryWords() { g_log_set_default_handler(g_log_default_handler, nullptr); }

bool LibraryWords::admit() noexcept {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const auto second =
      static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
  std::uint64_t said = said_.load(std::memory_order_relaxed);
  std::uint64_t next = 0;
  do {
    next = said >> 32 == second ? said + 1 : std::uint64_t{second} << 32 | 1;
    if (static_cast<std::uint32_t>(next) > kLinesMax) return false;
  } while (!said_.compare_exchange_weak(said, next, std::memory_order_relaxed));
  return true;
}

void LibraryWords::say(const char* domain, unsigned level, const char* message) {
  const bool fatal = (level & G_LOG_FLAG_FATAL) != 0;
  if (!fatal && !admit()) return;
  log_.write(level_of(level), message == nullptr ? "" : message,
             {{"source", std::string(domain == nullptr ? "GLib" : domain)}});
  if (fatal) log_.flush();  // GLib ends the process
}

}  // namespace imgring::image
