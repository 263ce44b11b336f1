// Statements of style text, and which of them go. Statements are cut where any parser may cut
// them: behind `;` and behind a block, at any depth of braces, but not inside other brackets.
#include <algorithm>
#include <vector>

#include "css.h"
#include "imgring/base/text.h"

namespace imgring::svg {
namespace {

template <std::size_t N>
bool is_one_of(std::string_view name, const std::string_view (&names)[N]) noexcept {
  return std::any_of(std::begin(names), std::end(names),
                     [name](std::string_view n) { return equal_ignore_case(n, name); });
}

constexpr std::string_view kRunningProperties[] = {"behavior", "-ms-behavior", "-moz-binding"};
constexpr std::string_view kRunningFunctions[] = {"expression"};
constexpr std::string_view kAddressFunctions[] = {
    "url", "src", "image", "image-set", "-webkit-image-set", "cross-fade", "-webkit-cross-fade"};
// What stands there afterwards comes from elsewhere: a custom property may hold an address.
constexpr std::string_view kReplacedFunctions[] = {"var", "env", "attr", "if", "inherit"};

bool is_replaced(std::string_view name) noexcept {
  return name.starts_with("--") || is_one_of(name, kReplacedFunctions);
}

class Cleaner {
 public:
  Cleaner(std::string_view text, CssPart part, const CssAddress& address, SvgWork* work)
      : tokens_(text), address_(address), work_(work), sheet_(part == CssPart::kSheet) {
    out_.reserve(text.size());
    statements_.push_back({});
  }

  std::optional<std::string> run() {
    for (CssToken token; tokens_.next(&token);) {
      if (!work_->spend(token.raw.size())) return std::nullopt;
      take(token);
      if (brackets_.size() <= kCssDepthMax) continue;
      statements_.front().bad = true;  // with all that follows
      break;
    }
    while (!statements_.empty()) {
      end_statement();
      statements_.pop_back();
    }
    if (!changed_) return std::nullopt;
    return std::move(out_);
  }

 private:
  struct Statement {
    std::size_t start = 0;  // in out_
    bool bad = false, begun = false, at_rule = false, names_spaces = false;
    std::string property;  // a name that `:` may follow
  };
  struct Bracket {
    char closes;
    bool holds_address;
  };

  void take(const CssToken& token) {
    Statement& now = statements_.back();
    const bool mark = token.kind == CssKind::kComment && !now.begun && !in_block();
    if (mark || token.kind == CssKind::kSpace) {
      put(token.raw);
      return;
    }
    if (!now.begun && brackets_inside() == 0) {
      now.begun = true;
      now.at_rule = token.kind == CssKind::kAtKeyword;
      if (now.at_rule) now.names_spaces = equal_ignore_case(token.value, "namespace");
      now.property = token.kind == CssKind::kIdent ? token.value : std::string();
    } else if (token.first() != ':') {
      now.property.clear();
    }
    judge(token, &now);
  }

  void judge(const CssToken& token, Statement* now) {
    switch (token.kind) {
      case CssKind::kAtKeyword:
        now->bad = now->bad || equal_ignore_case(token.value, "import");
        break;
      case CssKind::kBad: now->bad = true; break;
      case CssKind::kUrl: return put_address(token, now);
      case CssKind::kString:
        if (!brackets_.empty() && brackets_.back().holds_address) return put_address(token, now);
        break;
      case CssKind::kFunction:
        now->bad = now->bad || is_one_of(token.value, kRunningFunctions) ||
                   (addresses_open_ > 0 && is_replaced(token.value));
        open_function(is_one_of(token.value, kAddressFunctions));
        break;
      case CssKind::kDelim: return take_delim(token, now);
      default: break;
    }
    put(token.raw);
  }

  void take_delim(const CssToken& token, Statement* now) {
    const char c = token.first();
    put(token.raw);
    if (c == ':' && is_one_of(now->property, kRunningProperties)) now->bad = true;
    if (c == ':') now->property.clear();
    if (c == '(' || c == '[') brackets_.push_back({c == '(' ? ')' : ']', false});
    if (c == '{') return begin_block();
    const bool closes = !brackets_.empty() && brackets_.back().closes == c;
    if (closes) close_bracket();
    if (closes && c == '}') end_block();
    if (c == ';' && brackets_inside() == 0 && (!sheet_ || in_block() || now->at_rule)) {
      end_statement();
    }
  }

  void open_function(bool holds_address) {
    brackets_.push_back({')', holds_address});
    addresses_open_ += holds_address ? 1 : 0;
  }
  void close_bracket() {
    addresses_open_ -= brackets_.back().holds_address ? 1 : 0;
    brackets_.pop_back();
  }
  void begin_block() {
    brackets_.push_back({'}', false});
    blocks_.push_back(brackets_.size());
    statements_.push_back({});
    statements_.back().start = out_.size();
  }
  void end_block() {
    // The brace is out already: it belongs to the statement around.
    out_.pop_back();
    end_statement();
    out_ += '}';
    statements_.pop_back();
    blocks_.pop_back();
    if (brackets_inside() == 0) end_statement();
  }

  // Brackets opened since the innermost brace.
  std::size_t brackets_inside() const noexcept {
    return brackets_.size() - (blocks_.empty() ? 0 : blocks_.back());
  }
  bool in_block() const noexcept { return !blocks_.empty(); }

  // The next one may begin.
  void end_statement() {
    Statement& now = statements_.back();
    if (now.bad) {
      out_.resize(now.start);
      changed_ = true;
    }
    now = {};
    now.start = out_.size();
  }

  void put(std::string_view raw) { out_ += raw; }
  void put_address(const CssToken& token, Statement* now) {
    if (now->names_spaces) return put(token.raw);
    const std::optional<std::string> to = address_(token.value);
    if (!to) now->bad = true;
    if (!to || *to == token.value) return put(token.raw);
    changed_ = true;
    const std::string quoted = '"' + *to + '"';  // base64: nothing to escape
    put(token.kind == CssKind::kUrl ? "url(" + quoted + ')' : quoted);
  }

  CssTokens tokens_;
  const CssAddress& address_;
  SvgWork* work_;
  std::string out_;
  bool sheet_, changed_ = false;
  std::vector<Statement> statements_;  // around each other; the last is the innermost
  std::vector<Bracket> brackets_;
  int addresses_open_ = 0;           // brackets that hold an address
  std::vector<std::size_t> blocks_;  // of each open brace: brackets up to it
};

}  // namespace

std::optional<std::string> sanitize_css(std::string_view text, CssPart part,
                                        const CssAddress& address, SvgWork* work) {
  return Cleaner(text, part, address, work).run();
}

}  // namespace imgring::svg
