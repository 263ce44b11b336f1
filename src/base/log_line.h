// One log line while it is built.
// Owns: a buffer of a fixed size, on its caller's stack: nothing is allocated. One thread.
// Promises: never above kLogLineBytesMax, whatever it is given, and valid in its format then too.
// Texts are cut between characters, and end in "…[+N bytes]" with what was left out.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <span>
#include <string_view>

#include "imgring/base/log.h"

namespace imgring {

// Seconds since 1970 as a clock on the wall shows them.
struct LocalTime {
  std::int64_t local_s = 0;
  int offset_s = 0;  // from UTC
  // `cache` holds the offset and the quarter of an hour it was looked up in: no time zone changes
  // within one, and a look-up costs more than all the rest of a line.
  static LocalTime of(std::time_t now, std::atomic<std::uint64_t>& cache) noexcept;
};

class LogLine {
 public:
  // `priorities`: "<4>" goes before a warning, which journals read as its level.
  explicit LogLine(LogFormat format, bool priorities = false) noexcept
      : format_(format), priorities_(priorities) {}
  LogLine(const LogLine&) = delete;
  LogLine& operator=(const LogLine&) = delete;

  void begin(LogLevel level, const LocalTime& time, std::string_view message) noexcept;
  // Once for all fields of a line: error, error_docs_url, source and stack come last.
  void put(std::span<const LogField> fields) noexcept { put_all(fields); }
  void put(std::span<const LogView> fields) noexcept { put_all(fields); }
  void end() noexcept;
  // With its newline, after end().
  std::string_view text() const noexcept { return {bytes_.data(), size_}; }

 private:
  enum class Text : std::uint8_t { kQuoted, kJson };
  // Groups around a field, the innermost first.
  struct Path {
    const Path* outer;
    std::string_view key;
  };
  template <class Field>
  void put_all(std::span<const Field> fields) noexcept;
  void put_field(const LogView& field, const Path* path) noexcept;
  void put_key(const LogView& field, const Path* path) noexcept;
  void put_path(const Path* path) noexcept;
  void put_group(const LogGroup& group, const Path& path) noexcept;
  void put_value(const LogView& field) noexcept;
  void put_stack(std::string_view stack) noexcept;
  void put_time(const LocalTime& time) noexcept;

  void put_quoted(std::string_view text, Text kind) noexcept;
  bool put_bare(std::string_view text, std::uint8_t safe) noexcept;
  void put_inner(std::string_view text, Text kind) noexcept;
  void put_cut(std::size_t left_out) noexcept;
  void put_number(std::int64_t number) noexcept;
  void put_number(double number) noexcept;
  void put_digits(unsigned number, int digits) noexcept;
  void add(std::string_view text) noexcept;
  void add(char c) noexcept { add({&c, 1}); }

  std::size_t room() const noexcept { return size_ < bound_ ? bound_ - size_ : 0; }
  bool json() const noexcept { return format_ == LogFormat::kJson || format_ == LogFormat::kGcp; }

  // Behind the bound of texts and fields: the mark of a cut, what closes groups, the newline.
  static constexpr std::size_t kClosingBytes = 128;
  static constexpr std::size_t kBytesMax = kLogLineBytesMax - kClosingBytes;

  LogFormat format_;
  bool priorities_;
  std::string_view colour_;
  std::string_view stack_;  // written behind all else in the pretty format
  bool first_ = false;      // no comma before the next member (JSON)
  std::size_t bound_ = kBytesMax - kLogLastBytes;
  std::size_t size_ = 0;
  std::array<char, kLogLineBytesMax> bytes_;  // not initialised
};

}  // namespace imgring
