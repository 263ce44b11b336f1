// Log records in imgproxy's four formats (spec: server, section 8).
// Owns nothing; any thread: each record is built by its caller and written with one write(2).
// Promises: one record is one line (the pretty format puts a stack on lines of its own), and
// control bytes of values never reach a terminal.
#include "imgring/base/log.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <ctime>

#include "imgring/base/text.h"

namespace imgring {
namespace {

struct LevelFacts {
  std::string_view name, mark, colour;
};
// In the order of LogLevel.
constexpr auto kLevels = std::to_array<LevelFacts>({
    {"DEBUG", "DBG", "\x1b[35m"},
    {"INFO", "INF", "\x1b[36m"},
    {"WARNING", "WRN", "\x1b[33m"},
    {"ERROR", "ERR", "\x1b[31m"},
    {"CRITICAL", "CRT", "\x1b[1;31m"},
});
constexpr std::string_view kReset = "\x1b[0m", kDim = "\x1b[2m";
constexpr std::string_view kHex = "0123456789abcdef";
// Fields that come after all others, in this order.
constexpr auto kLastKeys =
    std::to_array<std::string_view>({"error", "error_docs_url", "source", "stack"});

bool is_last_key(std::string_view key) noexcept {
  for (const std::string_view last : kLastKeys) {
    if (key == last) return true;
  }
  return false;
}

LogGroup in_order(const LogGroup& fields) {
  LogGroup result;
  result.reserve(fields.size());
  for (const LogField& field : fields) {
    if (!is_last_key(field.key)) result.push_back(field);
  }
  for (const std::string_view last : kLastKeys) {
    for (const LogField& field : fields) {
      if (field.key == last) result.push_back(field);
    }
  }
  return result;
}

// Go's strconv.Quote: readable UTF-8 stays, everything else is an escape.
std::string quote(std::string_view text) {
  std::string result = "\"";
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto byte = static_cast<unsigned char>(text[0]);
    // U+0080 to U+009F are terminal control codes as well.
    const bool c1 = length == 2 && byte == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0;
    if (c1) {
      const auto second = static_cast<unsigned char>(text[1]);
      result += {'\\', 'u', '0', '0', kHex[second >> 4], kHex[second & 15]};
    } else if (text[0] == '"' || text[0] == '\\') {
      result += {'\\', text[0]};
    } else if (text[0] == '\n') {
      result += "\\n";
    } else if (text[0] == '\r') {
      result += "\\r";
    } else if (text[0] == '\t') {
      result += "\\t";
    } else if (length == 0 || byte < 0x20 || byte == 0x7F) {
      result += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      result += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  result.push_back('"');
  return result;
}

bool needs_quotes(std::string_view text) noexcept {
  if (text.empty()) return true;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7F || c == '"' || c == '=' || c == '\\') return true;
  }
  return false;
}

// A message as it is; with control bytes or broken UTF-8 in it, quoted.
std::string readable(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text.substr(i));
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c1 = length == 2 && byte == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (length == 0 || byte < 0x20 || byte == 0x7F || c1) return quote(text);
    i += length;
  }
  return std::string(text);
}

std::string number_text(const LogField& field) {
  if (const auto* i = std::get_if<std::int64_t>(&field.value)) return std::to_string(*i);
  if (const auto* d = std::get_if<double>(&field.value)) return format_number(*d);
  if (const auto* b = std::get_if<bool>(&field.value)) return *b ? "true" : "false";
  return {};
}

void add_structured(std::string& line, const std::string& prefix, const LogGroup& fields) {
  for (const LogField& field : fields) {
    if (const auto* group = std::get_if<LogGroup>(&field.value)) {
      add_structured(line, prefix + field.key + ".", *group);
      continue;
    }
    line += ' ' + prefix + field.key + '=';
    const auto* text = std::get_if<std::string>(&field.value);
    line += text ? quote(*text) : number_text(field);
  }
}

void add_pretty(std::string& line, const LogGroup& fields, std::string_view colour) {
  for (const LogField& field : fields) {
    if (field.key == "stack") continue;
    line += ' ';
    line.append(colour).append(field.key).append("=").append(kReset);
    if (const auto* group = std::get_if<LogGroup>(&field.value)) {
      line += '{';
      add_pretty(line, *group, colour);
      line += " }";
      continue;
    }
    const auto* text = std::get_if<std::string>(&field.value);
    if (!text) {
      line += number_text(field);
    } else {
      line += needs_quotes(*text) ? quote(*text) : *text;
    }
  }
}

// The stack on lines of its own, dimmed; control bytes of it are quoted away line by line.
void add_stack(std::string& line, const LogGroup& fields) {
  for (const LogField& field : fields) {
    const auto* text = std::get_if<std::string>(&field.value);
    if (field.key != "stack" || !text || text->empty()) continue;
    for (const std::string_view row : split(*text, "\n")) {
      const std::string quoted = quote(row);
      line.append("\n").append(kDim).append(quoted, 1, quoted.size() - 2).append(kReset);
    }
  }
}

void add_json(std::string& line, const LogGroup& fields) {
  for (const LogField& field : fields) {
    line += ',' + json_quote(field.key) + ':';
    if (const auto* group = std::get_if<LogGroup>(&field.value)) {
      std::string inner;
      add_json(inner, *group);
      line += inner.empty() ? "{}" : '{' + inner.substr(1) + '}';
      continue;
    }
    const auto* text = std::get_if<std::string>(&field.value);
    const auto* number = std::get_if<double>(&field.value);
    const bool finite = !number || (*number - *number == 0);
    line += text ? json_quote(*text) : finite ? number_text(field) : std::string("null");
  }
}

std::string time_text(const char* format) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof text, format, &parts)};
}

// "+0200" of strftime becomes RFC 3339's "+02:00", "+0000" becomes "Z".
std::string time_rfc3339() {
  std::string text = time_text("%Y-%m-%dT%H:%M:%S%z");
  if (text.ends_with("+0000")) return text.substr(0, text.size() - 5) + "Z";
  return text.insert(text.size() - 2, ":");
}

}  // namespace

std::string Logger::line(LogLevel level, std::string_view message, const LogGroup& fields) const {
  const LevelFacts& facts = kLevels[static_cast<std::size_t>(level)];
  const LogGroup ordered = in_order(fields);
  std::string line;
  if (format_ == LogFormat::kStructured) {
    line = "time=" + quote(time_text("%Y-%m-%d %H:%M:%S")) + " level=" + quote(facts.name) +
           " msg=" + quote(message);
    add_structured(line, "", ordered);
    return line;
  }
  if (format_ == LogFormat::kPretty) {
    line.append(kDim).append(time_text("%Y-%m-%d %H:%M:%S")).append(kReset).append(" ");
    line.append(facts.colour).append("[").append(facts.mark).append("]").append(kReset);
    line.append(" ").append(readable(message));
    add_pretty(line, ordered, facts.colour);
    add_stack(line, ordered);
    return line;
  }
  const bool gcp = format_ == LogFormat::kGcp;
  line = "{\"time\":" + json_quote(time_rfc3339()) + (gcp ? ",\"severity\":" : ",\"level\":") +
         json_quote(facts.name) + (gcp ? ",\"message\":" : ",\"msg\":") + json_quote(message);
  add_json(line, ordered);
  line += '}';
  return line;
}

void Logger::write(LogLevel level, std::string_view message, const LogGroup& fields) const {
  if (!enabled(level)) return;
  std::string text = line(level, message, fields);
  text += '\n';
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t written = ::write(fd_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    // A log that cannot be written must not stop the service.
    if (written <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace imgring
