// The oddities of sources, line by line.
#include "imgring/http/client_response_lines.h"

#include <algorithm>
#include <charconv>

#include "imgring/base/text.h"
#include "imgring/http/client_response_parser.h"
#include "imgring/http/headers.h"

namespace imgring::http {

namespace {

constexpr std::size_t kShownBytes = 60;  // of a source's words in an error

std::unexpected<Error> refused(std::string why) {
  return fail(ErrorCode::kSourceUnreachable, "malformed response head: " + std::move(why));
}

std::string shown(std::string_view text) { return json_quote(text.substr(0, kShownBytes)); }

bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_control(char c) noexcept {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
}

bool is_token(std::string_view name) noexcept {
  return !name.empty() && name.find_first_not_of(kTokenChars) == std::string_view::npos;
}

std::string_view without_front(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}
std::string_view without_back(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}
std::string_view take_digits(std::string_view& text) noexcept {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  const std::string_view digits = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(digits.size());
  return digits;
}

// What stands before the status. Minor versions are compatible, and what says HTTP/2.0 in text is
// HTTP/1.1 (RFC 9110 2.5); before that, without a version, and ICY: HTTP/1.0.
struct Version {
  bool known = false, old = true;
};
Version take_version(std::string_view& text) noexcept {
  Version version;
  if (equal_ignore_case(text.substr(0, 3), "ICY")) {
    text.remove_prefix(3);
    version.known = true;
    return version;
  }
  if (!equal_ignore_case(text.substr(0, 4), "HTTP")) return version;
  text.remove_prefix(4);
  version.known = true;
  if (!text.starts_with('/')) return version;
  text.remove_prefix(1);
  const std::string_view major = take_digits(text);
  std::string_view minor;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    minor = take_digits(text);
    version.known = !minor.empty();
  }
  if (major.empty()) version.known = false;
  const auto above = [](std::string_view digits, std::string_view least) {
    digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
    return digits.size() > 1 || digits >= least;
  };
  version.old = !above(major, "2") && !(above(major, "1") && above(minor, "1"));
  return version;
}

}  // namespace

std::string_view ResponseLines::left_out() noexcept {
  odd_ = true;
  return {};
}

void ResponseLines::next_response() noexcept {
  length_.clear();
  chunked_ = old_ = bodiless_ = false;
}

Result<std::string_view> ResponseLines::status(std::string_view line) {
  constexpr std::size_t kDigits = 3;
  std::string_view rest = line;
  const Version version = take_version(rest);
  const std::string_view code = without_front(rest);
  if (!version.known || code.size() == rest.size()) {
    return refused("the status line is " + shown(line));
  }
  std::string_view reason = code;
  const std::string_view digits = take_digits(reason);
  if (digits.size() != kDigits) return refused("the status line is " + shown(line));
  old_ = version.old;
  out_ = old_ ? "HTTP/1.0 " : "HTTP/1.1 ";
  const bool usual = line.starts_with(out_) && rest.size() == code.size() + 1;
  if (!usual || (!reason.empty() && reason.front() != ' ')) odd_ = true;
  int number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  bodiless_ = has_no_body(number);
  // The reason is nobody's business.
  out_.append(digits).append("\r\n");
  return std::string_view(out_);
}

Result<std::string_view> ResponseLines::field(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return left_out();
  const std::string_view padded = line.substr(0, colon);
  const std::string_view name = without_back(padded);
  if (name.size() != padded.size()) odd_ = true;
  if (!is_token(name)) return left_out();
  const std::string_view value = without_back(without_front(line.substr(colon + 1)));
  if (equal_ignore_case(name, "Content-Length")) return length(value);
  if (equal_ignore_case(name, "Transfer-Encoding")) return coding(value);
  out_.assign(name).append(": ");
  for (const char c : value) {
    if (is_control(c)) odd_ = true;
    out_.push_back(is_control(c) ? ' ' : c);
  }
  out_.append("\r\n");
  return std::string_view(out_);
}

// The same number any number of times is one (RFC 9110 8.6).
Result<std::string_view> ResponseLines::length(std::string_view value) {
  if (value.empty()) return left_out();
  const bool first = length_.empty();
  for (const std::string_view item : split(value, ",")) {
    std::string_view digits = without_back(without_front(item));
    const bool number = !digits.empty() && std::all_of(digits.begin(), digits.end(), is_digit);
    if (!number) return refused("Content-Length is " + shown(value));
    digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size() - 1));
    if (length_.empty()) length_ = digits;
    if (length_ == digits) continue;
    return refused("Content-Length is both " + length_ + " and " + shown(digits));
  }
  if (!first) return left_out();
  if (value != length_) odd_ = true;
  out_ = "Content-Length: " + length_ + "\r\n";
  return std::string_view(out_);
}

// `identity` says nothing, and chunks are made once however often it is said. HTTP/1.0 has no
// codings: its field is not believed.
Result<std::string_view> ResponseLines::coding(std::string_view value) {
  if (old_ || bodiless_ || value.empty()) return left_out();
  const bool before = chunked_;
  for (const std::string_view item : split(value, ",")) {
    const std::string_view name = without_back(without_front(item));
    if (name.empty() || equal_ignore_case(name, "identity")) continue;
    if (!equal_ignore_case(name, "chunked")) {
      return refused("unsupported Transfer-Encoding " + shown(value));
    }
    chunked_ = true;
  }
  if (before || !chunked_) return left_out();
  if (!equal_ignore_case(value, "chunked")) odd_ = true;
  out_ = "Transfer-Encoding: chunked\r\n";
  return std::string_view(out_);
}

std::string_view ResponseLines::chunk_size(std::string_view line) {
  // Extensions are for others.
  const std::string_view padded = line.substr(0, line.find(';'));
  const std::string_view size = without_back(without_front(padded));
  if (size.size() != padded.size()) odd_ = true;
  out_.assign(size).append("\r\n");
  return out_;
}

void ResponseLines::trailer(std::string_view line) {
  const std::size_t colon = line.find(':');
  const bool clean = colon != std::string_view::npos && is_token(line.substr(0, colon)) &&
                     line.find('\r') == std::string_view::npos;
  if (!clean) odd_ = true;
}

}  // namespace imgring::http
