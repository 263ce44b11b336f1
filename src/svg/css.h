// Style text as CSS Syntax Level 3 reads it: tokens with escapes undone, and the sanitiser of
// sheets and of style attributes, which drops the smallest statement that reaches outside or runs
// something and keeps the bytes of all others.
// Plain functions and values over the caller's text, any thread. Work grows with the text.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "imgring/svg/work.h"

namespace imgring::svg {

enum class CssKind : std::uint8_t {
  kSpace,    // and comments
  kComment,  // the marks <!-- and -->, which count for nothing outside of rules
  kIdent,
  kFunction,  // its value is the name; the bracket belongs to it
  kAtKeyword,
  kHash,
  kString,
  kUrl,     // url(unquoted)
  kBad,     // a string or url() that is none
  kNumber,  // with its unit
  kDelim,   // any other character, brackets too
};

struct CssToken {
  CssKind kind = CssKind::kDelim;
  std::string_view raw;
  std::string value;  // of names, strings and urls: escapes undone; else empty
  char first() const noexcept { return raw.empty() ? '\0' : raw[0]; }
};

class CssTokens {
 public:
  explicit CssTokens(std::string_view text) noexcept : text_(text) {}
  // False at the end.
  bool next(CssToken* token);
  std::size_t at() const noexcept { return at_; }

 private:
  char peek(std::size_t ahead = 0) const noexcept {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool escape_at(std::size_t at) const noexcept;
  bool name_at(std::size_t at) const noexcept;
  void read_space();
  std::string read_name();
  void read_escape(std::string* into);
  CssKind read_string(std::string* into);
  CssKind read_named(std::string* into);
  CssKind read_url(std::string* into);
  bool read_number();
  void read_bad_url();

  std::string_view text_;
  std::size_t at_ = 0;
};

// Brackets in each other: a rasteriser or browser that recurses has long given up.
inline constexpr std::size_t kCssDepthMax = 1000;

enum class CssPart : std::uint8_t { kSheet, kDeclarations };
// What becomes of an address that style names: the same, another, or nullopt: it must go.
using CssAddress = std::function<std::optional<std::string>(std::string_view address)>;

// nullopt: nothing had to go, the text serves as it is. Spends for each byte; once `work` is
// stopped it ends at the next token, and what it gives is of no use.
std::optional<std::string> sanitize_css(std::string_view text, CssPart part,
                                        const CssAddress& address, SvgWork* work);

}  // namespace imgring::svg
