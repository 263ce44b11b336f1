// A log line's four shapes (server.md section 8): what is written of texts, and their bounds.
#include "log_line.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>

#include "imgring/base/text.h"

namespace imgring {
namespace {

struct LevelFacts {
  std::string_view name, mark, colour, priority;  // of syslog, as journals read it
};
// In the order of LogLevel.
constexpr auto kLevels = std::to_array<LevelFacts>({
    {"DEBUG", "DBG", "\x1b[35m", "<7>"},
    {"INFO", "INF", "\x1b[36m", "<6>"},
    {"WARNING", "WRN", "\x1b[33m", "<4>"},
    {"ERROR", "ERR", "\x1b[31m", "<3>"},
    {"CRITICAL", "CRT", "\x1b[1;31m", "<2>"},
});
constexpr std::string_view kReset = "\x1b[0m", kDim = "\x1b[2m";
constexpr std::string_view kHex = "0123456789abcdef";
// Fields that come after all others, in this order.
constexpr auto kLastKeys =
    std::to_array<std::string_view>({"error", "error_docs_url", "source", "stack"});
// A field is begun when there is room for its key, a number and a few bytes of a text.
constexpr std::size_t kFieldBytesMin = 64;

// What a byte may stand in without an escape.
constexpr std::uint8_t kInQuotes = 1;  // between quotes
constexpr std::uint8_t kBare = 2;      // a value without quotes (pretty)
constexpr std::uint8_t kMessage = 4;   // the message of the pretty format
constexpr std::array<std::uint8_t, 256> kSafe = [] {
  std::array<std::uint8_t, 256> table{};
  for (int byte = 0x20; byte < 0x7F; ++byte) {
    const bool escaped = byte == '"' || byte == '\\';
    std::uint8_t uses = kMessage;
    if (!escaped) uses |= kInQuotes;
    if (!escaped && byte != ' ' && byte != '=') uses |= kBare;
    table[static_cast<std::size_t>(byte)] = uses;
  }
  return table;
}();

std::size_t safe_run(std::string_view text, std::uint8_t use) noexcept {
  std::size_t n = 0;
  while (n < text.size() && (kSafe[static_cast<unsigned char>(text[n])] & use) != 0) ++n;
  return n;
}

bool is_last_key(std::string_view key) noexcept {
  return std::find(kLastKeys.begin(), kLastKeys.end(), key) != kLastKeys.end();
}

LogView view_of(const LogView& field) noexcept { return field; }
LogView view_of(const LogField& field) noexcept {
  LogView view{field.key, false};
  std::visit(
      [&view](const auto& value) {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, LogGroup>) {
          view.value = &value;
        } else if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>) {
          view.value = std::string_view(value);
        } else {
          view.value = value;
        }
      },
      field.value);
  return view;
}

// One character's escape. `bytes` of the text are used up.
struct Escape {
  std::size_t bytes = 1;
  std::array<char, 6> out{};
  std::size_t size = 0;
  void add(std::string_view text) noexcept {
    std::memcpy(out.data() + size, text.data(), text.size());
    size += text.size();
  }
  void add_hex(std::string_view before, unsigned char byte) noexcept {
    add(before);
    out[size++] = kHex[byte >> 4];
    out[size++] = kHex[byte & 15];
  }
};

// What Go's strconv.Quote and JSON have in common; size 0: none of these.
Escape common_escape(std::string_view text) noexcept {
  Escape escape;
  const char c = text[0];
  if (c == '"' || c == '\\') {
    escape.add("\\");
    escape.add({&c, 1});
  }
  if (c == '\n') escape.add("\\n");
  if (c == '\r') escape.add("\\r");
  if (c == '\t') escape.add("\\t");
  return escape;
}

// Readable UTF-8 stays, everything else is an escape.
Escape quoted_escape(std::string_view text) noexcept {
  Escape escape = common_escape(text);
  if (escape.size > 0) return escape;
  const auto byte = static_cast<unsigned char>(text[0]);
  const std::size_t length = utf8_length(text);
  if (length <= 1) {
    escape.add_hex("\\x", byte);
    return escape;
  }
  escape.bytes = length;
  // U+0080 to U+009F are terminal control codes as well.
  const auto second = static_cast<unsigned char>(text[1]);
  if (length == 2 && byte == 0xC2 && second < 0xA0) {
    escape.add_hex("\\u00", second);
  } else {
    escape.add(text.substr(0, length));
  }
  return escape;
}

// A byte of invalid UTF-8 becomes U+FFFD.
Escape json_escape(std::string_view text) noexcept {
  Escape escape = common_escape(text);
  if (escape.size > 0) return escape;
  const std::size_t length = utf8_length(text);
  if (length == 0) {
    escape.add("\\ufffd");
  } else if (length == 1) {
    escape.add_hex("\\u00", static_cast<unsigned char>(text[0]));
  } else {
    escape.bytes = length;
    escape.add(text.substr(0, length));
  }
  return escape;
}

// A character that may stand in the message of the pretty format as it is.
std::size_t readable_length(std::string_view text) noexcept {
  const std::size_t length = utf8_length(text);
  const auto byte = static_cast<unsigned char>(text[0]);
  if (length <= 1) return (kSafe[byte] & kMessage) != 0 ? 1 : 0;
  const bool c1 = length == 2 && byte == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0;
  return c1 ? 0 : length;
}

}  // namespace

LocalTime LocalTime::of(std::time_t now, std::atomic<std::uint64_t>& cache) noexcept {
  constexpr std::time_t kQuarterSeconds = 15 * 60;
  const auto quarter = static_cast<std::uint32_t>(now / kQuarterSeconds);
  std::uint64_t known = cache.load(std::memory_order_relaxed);
  if (known >> 32 != quarter) {
    std::tm parts{};
    localtime_r(&now, &parts);
    known = std::uint64_t{quarter} << 32 | static_cast<std::uint32_t>(parts.tm_gmtoff);
    cache.store(known, std::memory_order_relaxed);
  }
  const auto offset = static_cast<std::int32_t>(static_cast<std::uint32_t>(known));
  return {.local_s = now + offset, .offset_s = offset};
}

void LogLine::add(std::string_view text) noexcept {
  const std::size_t size = std::min(text.size(), bytes_.size() - size_);
  std::memcpy(bytes_.data() + size_, text.data(), size);
  size_ += size;
}

void LogLine::put_digits(unsigned number, int digits) noexcept {
  char text[8];
  for (int i = digits - 1; i >= 0; --i) {
    text[i] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
  add({text, static_cast<std::size_t>(digits)});
}

void LogLine::put_number(std::int64_t number) noexcept {
  char text[24];
  add({text, std::to_chars(text, text + sizeof text, number).ptr});
}

void LogLine::put_number(double number) noexcept {
  char text[64];
  const bool finite = number - number == 0;
  if (json() && !finite) return add("null");
  add({text, std::to_chars(text, text + sizeof text, number).ptr});
}

// YYYY-MM-DD hh:mm:ss, or RFC 3339.
void LogLine::put_time(const LocalTime& time) noexcept {
  using std::chrono::days;
  using std::chrono::seconds;
  const auto day = std::chrono::floor<days>(std::chrono::sys_seconds(seconds(time.local_s)));
  const std::chrono::year_month_day date(day);
  const auto in_day = static_cast<unsigned>(time.local_s - seconds(day.time_since_epoch()).count());
  put_digits(static_cast<unsigned>(static_cast<int>(date.year())), 4);
  add('-');
  put_digits(static_cast<unsigned>(date.month()), 2);
  add('-');
  put_digits(static_cast<unsigned>(date.day()), 2);
  add(json() ? 'T' : ' ');
  put_digits(in_day / 3600, 2);
  add(':');
  put_digits(in_day / 60 % 60, 2);
  add(':');
  put_digits(in_day % 60, 2);
  if (!json()) return;
  if (time.offset_s == 0) return add('Z');
  const auto minutes = static_cast<unsigned>(std::abs(time.offset_s)) / 60;
  add(time.offset_s < 0 ? '-' : '+');
  put_digits(minutes / 60, 2);
  add(':');
  put_digits(minutes % 60, 2);
}

// "…[+123 bytes]", of the text, not of its escapes.
void LogLine::put_cut(std::size_t left_out) noexcept {
  add("…[+");
  put_number(static_cast<std::int64_t>(left_out));
  add(" bytes]");
}

void LogLine::put_inner(std::string_view text, Text kind) noexcept {
  const std::size_t end = size_ + std::min(kLogTextBytesMax, room());
  while (!text.empty()) {
    const std::size_t run = safe_run(text.substr(0, end - size_), kInQuotes);
    add(text.substr(0, run));
    text.remove_prefix(run);
    if (text.empty() || size_ == end) break;
    const Escape escape = kind == Text::kJson ? json_escape(text) : quoted_escape(text);
    if (escape.size > end - size_) break;
    add({escape.out.data(), escape.size});
    text.remove_prefix(escape.bytes);
  }
  if (!text.empty()) put_cut(text.size());
}

void LogLine::put_quoted(std::string_view text, Text kind) noexcept {
  add('"');
  put_inner(text, kind);
  add('"');
}

// As it is; false, and nothing is written, when it needs quotes.
bool LogLine::put_bare(std::string_view text, std::uint8_t safe) noexcept {
  const std::size_t before = size_;
  const std::size_t end = size_ + std::min(kLogTextBytesMax, room());
  while (!text.empty()) {
    const std::size_t run = safe_run(text.substr(0, end - size_), safe);
    add(text.substr(0, run));
    text.remove_prefix(run);
    if (text.empty() || size_ == end) break;
    const std::size_t length = safe == kMessage ? readable_length(text) : 0;
    if (length == 0) {
      size_ = before;
      return false;
    }
    if (length > end - size_) break;
    add(text.substr(0, length));
    text.remove_prefix(length);
  }
  if (!text.empty()) put_cut(text.size());
  return true;
}

void LogLine::begin(LogLevel level, const LocalTime& time, std::string_view message) noexcept {
  const LevelFacts& facts = kLevels[static_cast<std::size_t>(level)];
  colour_ = facts.colour;
  if (priorities_) add(facts.priority);
  if (format_ == LogFormat::kPretty) {
    add(kDim);
    put_time(time);
    add(kReset);
    add(' ');
    add(facts.colour);
    add('[');
    add(facts.mark);
    add(']');
    add(kReset);
    add(' ');
    if (!put_bare(message, kMessage)) put_quoted(message, Text::kQuoted);
    return;
  }
  const bool gcp = format_ == LogFormat::kGcp;
  add(json() ? "{\"time\":\"" : "time=\"");
  put_time(time);
  add(!json() ? "\" level=\"" : gcp ? "\",\"severity\":\"" : "\",\"level\":\"");
  add(facts.name);
  add(!json() ? "\" msg=" : gcp ? "\",\"message\":" : "\",\"msg\":");
  put_quoted(message, json() ? Text::kJson : Text::kQuoted);
}

void LogLine::put_path(const Path* path) noexcept {
  if (path == nullptr) return;
  put_path(path->outer);
  add(path->key);
  add('.');
}

void LogLine::put_key(const LogView& field, const Path* path) noexcept {
  if (json()) {
    if (!first_) add(',');
    first_ = false;
    put_quoted(field.key, Text::kJson);
    add(':');
    return;
  }
  add(' ');
  if (format_ == LogFormat::kPretty) {
    add(colour_);
  } else {
    put_path(path);
  }
  add(field.key);
  add('=');
  if (format_ == LogFormat::kPretty) add(kReset);
}

void LogLine::put_value(const LogView& field) noexcept {
  if (const auto* i = std::get_if<std::int64_t>(&field.value)) return put_number(*i);
  if (const auto* d = std::get_if<double>(&field.value)) return put_number(*d);
  if (const auto* b = std::get_if<bool>(&field.value)) return add(*b ? "true" : "false");
  const auto* text = std::get_if<std::string_view>(&field.value);
  if (text == nullptr) return;
  if (json()) return put_quoted(*text, Text::kJson);
  const bool bare = format_ == LogFormat::kPretty && !text->empty();
  if (!bare || !put_bare(*text, kBare)) put_quoted(*text, Text::kQuoted);
}

void LogLine::put_group(const LogGroup& group, const Path& path) noexcept {
  if (format_ == LogFormat::kStructured) {
    for (const LogField& field : group) put_field(view_of(field), &path);
    return;
  }
  add('{');
  first_ = true;
  for (const LogField& field : group) put_field(view_of(field), &path);
  first_ = false;
  add(json() ? "}" : " }");
}

void LogLine::put_field(const LogView& field, const Path* path) noexcept {
  constexpr int kDepthMax = 8;  // what closes them fits behind the bound
  std::size_t key_bytes = field.key.size();
  int depth = 0;
  for (const Path* at = path; at != nullptr; at = at->outer) {
    key_bytes += at->key.size() + 1;
    ++depth;
  }
  if (depth > kDepthMax || room() < key_bytes + kFieldBytesMin) return;  // no room: left out
  if (format_ == LogFormat::kPretty && field.key == "stack") {
    const auto* text = std::get_if<std::string_view>(&field.value);
    if (text != nullptr) stack_ = *text;
    return;
  }
  const auto* group = std::get_if<const LogGroup*>(&field.value);
  if (group == nullptr || format_ != LogFormat::kStructured) put_key(field, path);
  if (group != nullptr) return put_group(**group, {path, field.key});
  put_value(field);
}

template <class Field>
void LogLine::put_all(std::span<const Field> fields) noexcept {
  bool any_last = false;
  for (const Field& field : fields) {
    const bool last = is_last_key(field.key);
    any_last = any_last || last;
    if (!last) put_field(view_of(field), nullptr);
  }
  if (!any_last) return;
  bound_ = kBytesMax;
  for (const std::string_view last : kLastKeys) {
    for (const Field& field : fields) {
      if (field.key == last) put_field(view_of(field), nullptr);
    }
  }
}

template void LogLine::put_all(std::span<const LogField>) noexcept;
template void LogLine::put_all(std::span<const LogView>) noexcept;

// On lines of its own, dimmed; control bytes of it are quoted away line by line.
void LogLine::put_stack(std::string_view stack) noexcept {
  while (!stack.empty() && room() > kFieldBytesMin) {
    const std::size_t end = stack.find('\n');
    add('\n');
    add(kDim);
    put_inner(stack.substr(0, end), Text::kQuoted);
    add(kReset);
    stack.remove_prefix(end == std::string_view::npos ? stack.size() : end + 1);
  }
}

void LogLine::end() noexcept {
  put_stack(stack_);
  add(json() ? "}\n" : "\n");
}

}  // namespace imgring
