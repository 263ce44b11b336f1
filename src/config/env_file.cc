// NAME=VALUE files: unquoted, "double" and 'single' quoted values, $NAME and ${NAME}.
// Owns nothing; main thread. Promises: a line it does not understand is an error, never skipped.
#include "env_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "imgring/base/system_text.h"
#include "imgring/base/text.h"

namespace imgring::config {
namespace {

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_char(char c) { return is_name_start(c) || (c >= '0' && c <= '9'); }
bool is_name(std::string_view text) {
  if (text.empty() || !is_name_start(text[0])) return false;
  for (const char c : text) {
    if (!is_name_char(c)) return false;
  }
  return true;
}

class Parser {
 public:
  explicit Parser(const Variables& environment) : environment_(environment) {}

  // Empty: fine; else what is wrong with the line.
  std::string add_line(std::string_view line) {
    line = trim(line);
    if (line.empty() || line[0] == '#') return {};
    if (line.starts_with("export ")) line = trim(line.substr(7));
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return "it is not NAME=VALUE";
    const std::string_view name = trim(line.substr(0, equals));
    if (!is_name(name)) return "its name is not a variable's";
    std::string value;
    std::string problem = read(trim(line.substr(equals + 1)), value);
    if (!problem.empty()) return problem;
    if (value.size() > kEnvValueBytesMax) return kTooLong;
    bytes_ += value.size();
    if (bytes_ > kEnvFileBytesMax) return "with it all values have over 16 MiB";
    found_[std::string(name)] = std::move(value);
    return {};
  }
  Variables take() { return std::move(found_); }

 private:
  static constexpr const char* kTooLong = "its value has over 1 MiB";

  std::string read(std::string_view text, std::string& value) const {
    if (text.starts_with('\'')) return single_quoted(text.substr(1), value);
    if (text.starts_with('"')) return double_quoted(text.substr(1), value);
    text = without_comment(text);
    for (std::size_t i = 0; i < text.size();) {
      if (text[i] == '$') {
        i += substitute(text.substr(i), value);
        if (value.size() > kEnvValueBytesMax) return kTooLong;
      } else {
        value += text[i++];
      }
    }
    return {};
  }

  // A comment behind an unquoted value begins at a # with white space before it, as imgproxy's
  // reader of such files has it; the # of a colour or of a URL stays.
  static std::string_view without_comment(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool apart = i == 0 || text[i - 1] == ' ' || text[i - 1] == '\t';
      if (text[i] == '#' && apart) return trim(text.substr(0, i));
    }
    return text;
  }

  static std::string after_quote(std::string_view rest) {
    rest = trim(rest);
    return rest.empty() || rest[0] == '#' ? "" : "there is text after the closing quote";
  }

  static std::string single_quoted(std::string_view text, std::string& value) {
    const std::size_t end = text.find('\'');
    if (end == std::string_view::npos) return "its quote is not closed";
    value = text.substr(0, end);
    return after_quote(text.substr(end + 1));
  }

  std::string double_quoted(std::string_view text, std::string& value) const {
    for (std::size_t i = 0; i < text.size();) {
      const char c = text[i];
      const char next = i + 1 < text.size() ? text[i + 1] : '\0';
      if (c == '"') return after_quote(text.substr(i + 1));
      if (c == '\\' && (next == '"' || next == '\\' || next == 'n' || next == '$')) {
        value += next == 'n' ? '\n' : next;
        i += 2;
      } else if (c == '$') {
        i += substitute(text.substr(i), value);
        if (value.size() > kEnvValueBytesMax) return kTooLong;
      } else {
        value += c;
        ++i;
      }
    }
    return "its quote is not closed";
  }

  // At a `$`: adds the variable's value and tells how many characters that took.
  std::size_t substitute(std::string_view text, std::string& value) const {
    const bool braces = text.size() > 1 && text[1] == '{';
    const std::size_t start = braces ? 2 : 1;
    std::size_t end = start;
    while (end < text.size() && is_name_char(text[end])) ++end;
    const std::string name(text.substr(start, end - start));
    const bool closed = !braces || (end < text.size() && text[end] == '}');
    if (!is_name(name) || !closed) {
      value += '$';
      return 1;
    }
    if (const auto it = found_.find(name); it != found_.end()) {
      value += it->second;
    } else if (const auto outer = environment_.find(name); outer != environment_.end()) {
      value += outer->second;
    }
    return braces ? end + 1 : end;
  }

  const Variables& environment_;
  Variables found_;
  std::size_t bytes_ = 0;  // of all values, those that a later line replaced too
};

}  // namespace

std::expected<Variables, std::string> parse_env_file(std::string_view text,
                                                     const Variables& environment) {
  Parser parser(environment);
  std::size_t number = 0;
  for (const std::string_view line : split(text, "\n")) {
    ++number;
    const std::string problem = parser.add_line(line);
    if (!problem.empty()) {
      return std::unexpected("line " + std::to_string(number) + ": " + problem);
    }
  }
  return parser.take();
}

std::expected<std::string, std::string> read_whole_file(const std::string& path) {
  // Opening a folder for reading succeeds: it is known when it is read.
  struct Closer {
    int fd;
    ~Closer() {
      if (fd >= 0) close(fd);
    }
  };
  const Closer file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) return std::unexpected(file_failure(errno));
  std::string content;
  char piece[65536];
  ssize_t got = 0;
  while ((got = read(file.fd, piece, sizeof piece)) > 0) {
    content.append(piece, static_cast<std::size_t>(got));
    if (content.size() > kSettingFileBytesMax) {
      return std::unexpected("it has over " + std::to_string(kSettingFileBytesMax >> 20) +
                             " MiB: name a smaller file");
    }
  }
  if (got < 0) return std::unexpected(file_failure(errno));
  return content;
}

}  // namespace imgring::config
