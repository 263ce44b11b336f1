// Splitting, trimming, numbers and percent escapes (text_codec.cc has the other encodings).
// Owns nothing; plain functions, any thread.
#include "imgring/base/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>
#include <utility>

#include "imgring/base/check.h"

namespace imgring {
namespace {

constexpr bool is_space(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
constexpr bool is_hex_digit(char c) noexcept {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

// A float's text taken apart, underscores removed.
struct FloatParts {
  std::string mantissa;
  std::string exponent;  // with sign, may be empty
  bool negative = false, hex = false;
};

// Go's rule for `_`: only between digits, or between the base prefix and a digit.
bool underscores_ok(std::string_view text, bool hex) noexcept {
  char previous = hex ? '0' : '^';
  for (const char c : text) {
    if (is_digit(c) || (hex && is_hex_digit(c))) {
      previous = '0';
    } else if (c == '_') {
      if (previous != '0') return false;
      previous = '_';
    } else {
      if (previous == '_') return false;
      previous = '!';
    }
  }
  return previous != '_';
}

// Digits and at most one point, at least one digit; returns the number of characters used.
std::size_t scan_mantissa(std::string_view text, bool hex, std::string& mantissa) {
  bool point = false, digits = false;
  std::size_t i = 0;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '_') continue;
    if (c == '.') {
      if (point) break;
      point = true;
    } else if (is_digit(c) || (hex && is_hex_digit(c))) {
      digits = true;
    } else {
      break;
    }
    mantissa.push_back(c);
  }
  return digits ? i : 0;
}

std::optional<FloatParts> take_apart(std::string_view text) {
  FloatParts parts;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    parts.negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.size() > 2 && text[0] == '0' && lower(text[1]) == 'x') {
    parts.hex = true;
    text.remove_prefix(2);
  }
  if (!underscores_ok(text, parts.hex)) return std::nullopt;
  const std::size_t used = scan_mantissa(text, parts.hex, parts.mantissa);
  if (used == 0) return std::nullopt;
  std::string_view rest = text.substr(used);
  if (rest.empty()) {
    if (parts.hex) return std::nullopt;  // Go wants an exponent in a hexadecimal float
    return parts;
  }
  if (lower(rest[0]) != (parts.hex ? 'p' : 'e')) return std::nullopt;
  rest.remove_prefix(1);
  if (!rest.empty() && (rest[0] == '+' || rest[0] == '-')) {
    parts.exponent.push_back(rest[0]);
    rest.remove_prefix(1);
  }
  if (rest.empty() || !is_digit(rest[0])) return std::nullopt;
  for (const char c : rest) {
    if (c == '_') continue;
    if (!is_digit(c)) return std::nullopt;
    parts.exponent.push_back(c);
  }
  return parts;
}

// from_chars tells "too large" and "too small" with one code: the first digit's position decides.
bool is_tiny(const FloatParts& parts) {
  std::int64_t position = 0;
  bool point = false, found = false;
  for (const char c : parts.mantissa) {
    if (c == '.') {
      point = true;
      continue;
    }
    if (c != '0') found = true;
    if (point && found) break;
    if (found) ++position;
    if (point) --position;
  }
  if (!parts.exponent.empty() && parts.exponent.size() > 12) return parts.exponent[0] == '-';
  return (parts.hex ? 4 * position : position) + parse_int(parts.exponent).value_or(0) < 0;
}

std::optional<double> parse_special(std::string_view text) noexcept {
  if (equal_ignore_case(text, "nan")) return std::numeric_limits<double>::quiet_NaN();
  double sign = 1;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    if (text[0] == '-') sign = -1;
    text.remove_prefix(1);
  }
  if (equal_ignore_case(text, "inf") || equal_ignore_case(text, "infinity")) {
    return sign * std::numeric_limits<double>::infinity();
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, std::string_view separator) {
  IMGRING_CHECK(!separator.empty());
  std::vector<std::string_view> pieces;
  for (;;) {
    const std::size_t at = text.find(separator);
    if (at == std::string_view::npos) break;
    pieces.push_back(text.substr(0, at));
    text.remove_prefix(at + separator.size());
  }
  pieces.push_back(text);
  return pieces;
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string to_lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = lower(c);
  return result;
}

bool equal_ignore_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string result;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) result += separator;
    result += parts[i];
  }
  return result;
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  IMGRING_CHECK(!from.empty());
  std::string result;
  for (;;) {
    const std::size_t at = text.find(from);
    if (at == std::string_view::npos) break;
    result += text.substr(0, at);
    result += to;
    text.remove_prefix(at + from.size());
  }
  result += text;
  return result;
}

std::optional<std::int64_t> parse_int(std::string_view text) noexcept {
  if (!text.empty() && text[0] == '+') {
    text.remove_prefix(1);
    if (!text.empty() && text[0] == '-') return std::nullopt;
  }
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<double> parse_float(std::string_view text) noexcept {
  if (const auto special = parse_special(text)) return special;
  const auto parts = take_apart(text);
  if (!parts) return std::nullopt;
  std::string digits = parts->mantissa;
  // from_chars wants no leading point without digits in some versions; a zero costs nothing.
  digits.insert(0, "0");
  if (!parts->exponent.empty()) digits += (parts->hex ? "p" : "e") + parts->exponent;
  double value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(
      digits.data(), end, value, parts->hex ? std::chars_format::hex : std::chars_format::general);
  if (error == std::errc::result_out_of_range && is_tiny(*parts)) {
    value = 0;
  } else if (error != std::errc() || stop != end || !std::isfinite(value)) {
    return std::nullopt;
  }
  return parts->negative ? -value : value;
}

std::optional<bool> parse_bool(std::string_view text) noexcept {
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

bool equal_constant_time(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    // volatile keeps the compiler from leaving the loop at the first difference.
    volatile unsigned char x = static_cast<unsigned char>(a[i]);
    volatile unsigned char y = static_cast<unsigned char>(b[i]);
    difference = static_cast<unsigned char>(difference | (x ^ y));
  }
  return difference == 0;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}

std::string format_number(double value) {
  char text[64];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  IMGRING_CHECK(error == std::errc());
  return {text, end};
}

}  // namespace imgring
