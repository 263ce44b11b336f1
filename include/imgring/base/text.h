// Small text helpers: splitting, trimming, numbers in imgproxy's (Go's) syntax, encodings.
// Plain functions, any thread. Encoders return std::string; decoders return nullopt on bad input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace imgring {

using ByteSpan = std::span<const std::uint8_t>;

inline std::string_view as_text(ByteSpan bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline ByteSpan as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// Pieces between separators; "" gives one empty piece. A separator must not be empty.
std::vector<std::string_view> split(std::string_view text, std::string_view separator);
// Without ASCII white space at both ends.
std::string_view trim(std::string_view text) noexcept;
std::string to_lower(std::string_view text);
bool equal_ignore_case(std::string_view a, std::string_view b) noexcept;
std::string join(const std::vector<std::string>& parts, std::string_view separator);
// Every `from` replaced by `to`.
std::string replace_all(std::string_view text, std::string_view from, std::string_view to);

// Go strconv syntax: optional sign, decimal digits, 64 bit.
std::optional<std::int64_t> parse_int(std::string_view text) noexcept;
// Go strconv.ParseFloat syntax: decimal or hex float, exponent, `_` between digits, inf, nan.
std::optional<double> parse_float(std::string_view text) noexcept;
// 1 t T TRUE true True 0 f F FALSE false False.
std::optional<bool> parse_bool(std::string_view text) noexcept;

std::optional<std::string> hex_decode(std::string_view text);
std::string hex_encode(ByteSpan bytes);
// URL-safe alphabet without padding. The decoder refuses `=` and the standard alphabet; unused
// trailing bits of the last character are ignored.
std::string base64url_encode(ByteSpan bytes);
std::optional<std::string> base64url_decode(std::string_view text);
// Standard alphabet with optional padding.
std::optional<std::string> base64_decode(std::string_view text);
std::string base64_encode(ByteSpan bytes);
// `+` stays `+`; nullopt on a malformed escape.
std::optional<std::string> percent_decode(std::string_view text);
// True when every `%` is followed by two hex digits.
bool percent_escapes_valid(std::string_view text) noexcept;
// Compares in time that depends on the lengths only.
bool equal_constant_time(std::string_view a, std::string_view b) noexcept;
// HTML text: & < > " ' escaped.
std::string html_escape(std::string_view text);
// Levenshtein distance; for "did you mean".
std::size_t edit_distance(std::string_view a, std::string_view b);
// Length of the valid UTF-8 sequence at the start of `text`, 0 when there is none.
std::size_t utf8_length(std::string_view text) noexcept;
// Shortest decimal text that reads back as the same number.
std::string format_number(double value);
// JSON string with quotes; control characters are escaped, a byte of invalid UTF-8 becomes U+FFFD.
std::string json_quote(std::string_view text);

}  // namespace imgring
