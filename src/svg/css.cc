// The tokens (CSS Syntax Level 3, section 4).
#include "css.h"

#include <algorithm>

#include "imgring/base/text.h"

namespace imgring::svg {
namespace {

bool is_css_space(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}
bool is_line_end(char c) noexcept { return c == '\n' || c == '\r' || c == '\f'; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_hex(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool starts_name(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_name(char c) noexcept { return starts_name(c) || is_digit(c) || c == '-'; }

void append_utf8(std::uint32_t code, std::string* out) {
  constexpr std::uint32_t kNone = 0xFFFD, kLast = 0x10FFFF;
  if (code == 0 || code > kLast || (code >= 0xD800 && code <= 0xDFFF)) code = kNone;
  const auto put = [out](std::uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0 | code >> 6);
    return put(0x80 | (code & 0x3F));
  }
  if (code < 0x10000) {
    put(0xE0 | code >> 12);
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
  }
  put(0x80 | (code >> 6 & 0x3F));
  put(0x80 | (code & 0x3F));
}

}  // namespace

bool CssTokens::escape_at(std::size_t at) const noexcept {
  return at < text_.size() && text_[at] == '\\' &&
         !(at + 1 < text_.size() && is_line_end(text_[at + 1]));
}

bool CssTokens::name_at(std::size_t at) const noexcept {
  if (at < text_.size() && text_[at] == '-') {
    if (at + 1 < text_.size() && (starts_name(text_[at + 1]) || text_[at + 1] == '-')) return true;
    return escape_at(at + 1);
  }
  return (at < text_.size() && starts_name(text_[at])) || escape_at(at);
}

// Spaces and comments in any order; a comment that does not end takes the rest.
void CssTokens::read_space() {
  for (;;) {
    if (is_css_space(peek()) && at_ < text_.size()) {
      ++at_;
    } else if (peek() == '/' && peek(1) == '*') {
      const std::size_t end = text_.find("*/", at_ + 2);
      at_ = end == std::string_view::npos ? text_.size() : end + 2;
    } else {
      return;
    }
  }
}

// At the backslash.
void CssTokens::read_escape(std::string* into) {
  ++at_;
  if (at_ >= text_.size()) return append_utf8(0, into);
  if (!is_hex(peek())) {
    into->push_back(text_[at_++]);
    return;
  }
  constexpr int kDigitsMax = 6;
  std::uint32_t code = 0;
  for (int i = 0; i < kDigitsMax && at_ < text_.size() && is_hex(peek()); ++i, ++at_) {
    const char c = peek();
    code = code * 16 + static_cast<std::uint32_t>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  append_utf8(code, into);
  if (peek() == '\r' && peek(1) == '\n') ++at_;
  if (at_ < text_.size() && is_css_space(peek())) ++at_;
}

std::string CssTokens::read_name() {
  std::string name;
  while (at_ < text_.size()) {
    if (is_name(peek())) {
      name.push_back(text_[at_++]);
    } else if (escape_at(at_)) {
      read_escape(&name);
    } else {
      break;
    }
  }
  return name;
}

CssKind CssTokens::read_string(std::string* into) {
  const char quote = text_[at_++];
  while (at_ < text_.size()) {
    const char c = peek();
    if (c == quote) {
      ++at_;
      return CssKind::kString;
    }
    if (is_line_end(c)) return CssKind::kBad;
    if (c != '\\') {
      into->push_back(text_[at_++]);
    } else if (escape_at(at_)) {
      read_escape(into);
    } else {
      at_ += peek(1) == '\r' && peek(2) == '\n' ? 3 : 2;  // the string goes on in the next line
    }
  }
  return CssKind::kString;
}

void CssTokens::read_bad_url() {
  while (at_ < text_.size() && peek() != ')') at_ += escape_at(at_) ? 2 : 1;
  at_ = std::min(at_ + 1, text_.size());
}

// Behind `url(` and its spaces, when no quote follows.
CssKind CssTokens::read_url(std::string* into) {
  while (at_ < text_.size()) {
    const char c = peek();
    if (c == ')') {
      ++at_;
      return CssKind::kUrl;
    }
    if (is_css_space(c)) {
      while (at_ < text_.size() && is_css_space(peek())) ++at_;
      if (at_ < text_.size() && peek() != ')') break;
    } else if (c == '"' || c == '\'' || c == '(' || (c == '\\' && !escape_at(at_))) {
      break;
    } else if (c == '\\') {
      read_escape(into);
    } else {
      into->push_back(text_[at_++]);
    }
  }
  if (at_ >= text_.size()) return CssKind::kUrl;
  read_bad_url();
  return CssKind::kBad;
}

CssKind CssTokens::read_named(std::string* into) {
  *into = read_name();
  if (peek() != '(') return CssKind::kIdent;
  ++at_;
  if (!equal_ignore_case(*into, "url")) return CssKind::kFunction;
  std::size_t after = at_;
  while (after < text_.size() && is_css_space(text_[after])) ++after;
  if (after < text_.size() && (text_[after] == '"' || text_[after] == '\'')) {
    return CssKind::kFunction;
  }
  at_ = after;
  into->clear();
  return read_url(into);
}

bool CssTokens::read_number() {
  std::size_t i = at_;
  if (text_[i] == '+' || text_[i] == '-') ++i;
  const bool digit = i < text_.size() && is_digit(text_[i]);
  const bool dot = i + 1 < text_.size() && text_[i] == '.' && is_digit(text_[i + 1]);
  if (!digit && !dot) return false;
  // A dot belongs to a number only before a digit, and only once: behind "1." an address may begin.
  const auto skip_digits = [&] {
    while (i < text_.size() && is_digit(text_[i])) ++i;
  };
  skip_digits();
  if (i + 1 < text_.size() && text_[i] == '.' && is_digit(text_[i + 1])) {
    ++i;
    skip_digits();
  }
  at_ = i;
  if (name_at(at_))
    static_cast<void>(read_name());
  else if (peek() == '%')
    ++at_;
  return true;
}

bool CssTokens::next(CssToken* token) {
  const std::size_t start = at_;
  token->value.clear();
  if (at_ >= text_.size()) return false;
  read_space();
  if (at_ > start) {
    token->kind = CssKind::kSpace;
  } else if (text_.substr(at_).starts_with("<!--")) {
    at_ += 4;
    token->kind = CssKind::kComment;
  } else if (text_.substr(at_).starts_with("-->")) {
    at_ += 3;
    token->kind = CssKind::kComment;
  } else if (peek() == '"' || peek() == '\'') {
    token->kind = read_string(&token->value);
  } else if (peek() == '#' && (is_name(peek(1)) || escape_at(at_ + 1))) {
    ++at_;
    token->kind = CssKind::kHash;
    token->value = read_name();
  } else if (peek() == '@' && name_at(at_ + 1)) {
    ++at_;
    token->kind = CssKind::kAtKeyword;
    token->value = read_name();
  } else if (read_number()) {
    token->kind = CssKind::kNumber;
  } else if (name_at(at_)) {
    token->kind = read_named(&token->value);
  } else {
    ++at_;
    token->kind = CssKind::kDelim;
  }
  token->raw = text_.substr(start, at_ - start);
  return true;
}

}  // namespace imgring::svg
