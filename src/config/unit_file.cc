// The EnvironmentFile= of a unit, character by character as systemd reads it.
// Owns nothing; main thread. Promises: what systemd takes gives the values systemd gives; what it
// would skip with a warning is an error, and so is what its versions read in two ways.
#include "env_file.h"
#include "imgring/base/text.h"

namespace imgring::config {
namespace {

constexpr std::string_view kBlank = " \t\r";

class UnitFile {
 public:
  // Empty: read; else what is wrong, with its line.
  std::string read(std::string_view text) {
    for (const char c : text) {
      at_ = c == '\n' ? at_ + 1 : at_;
      step(c);
      if (!problem_.empty()) return problem_;
    }
    if (state_ == State::kSingle || state_ == State::kDouble) refuse("its quote is not closed");
    if (problem_.empty()) step('\n');
    return problem_;
  }
  Variables take() { return std::move(found_); }

 private:
  enum class State : std::uint8_t {
    kBeforeName,
    kName,
    kBeforeValue,
    kValue,
    kValueEscape,
    kSingle,
    kDouble,
    kDoubleEscape,
    kComment,
    kCommentEscape
  };

  void step(char c) {
    switch (state_) {
      case State::kBeforeName: return before_name(c);
      case State::kName: return name(c);
      case State::kBeforeValue: return before_value(c);
      case State::kValue: return value(c);
      case State::kValueEscape: return value_escape(c);
      case State::kSingle: return quoted(c, '\'');
      case State::kDouble: return quoted(c, '"');
      case State::kDoubleEscape: return double_escape(c);
      case State::kComment: state_ = after_comment(c); return;
      case State::kCommentEscape: return comment_escape(c);
    }
  }
  static State after_comment(char c) {
    if (c == '\\') return State::kCommentEscape;
    return c == '\n' ? State::kBeforeName : State::kComment;
  }
  // Up to 253 systemd takes the line behind for a part of the comment, from 254 on it does not.
  void comment_escape(char c) {
    comment_goes_on_ = c == '\n';
    state_ = comment_goes_on_ ? State::kBeforeName : State::kComment;
  }
  static bool blank(char c) { return kBlank.find(c) != std::string_view::npos; }

  void before_name(char c) {
    if (c == '\n') comment_goes_on_ = false;
    if (c == '\n' || blank(c)) return;
    name_.clear();
    value_.clear();
    kept_ = 0;
    line_ = at_;
    state_ = c == '#' || c == ';' ? State::kComment : State::kName;
    if (state_ == State::kName && comment_goes_on_) {
      return refuse(
          "the comment before it ends in a backslash, and systemd before 254 takes this line for a "
          "part of it, later ones don't: take the backslash away");
    }
    comment_goes_on_ = false;
    if (state_ == State::kName) name_ += c;
  }
  void name(char c) {
    if (c == '\n') return refuse("it is not NAME=VALUE");
    if (c == '=') {
      name_ = trim(name_);
      state_ = State::kBeforeValue;
    } else {
      name_ += c;
    }
  }
  void before_value(char c) {
    if (c == '\n') return end_line();
    if (c == '\'') {
      state_ = State::kSingle;
    } else if (c == '"') {
      state_ = State::kDouble;
    } else if (c == '\\') {
      state_ = State::kValueEscape;
    } else if (!blank(c)) {
      state_ = State::kValue;
      add(c);
    }
  }
  void value(char c) {
    if (c == '\n') {
      value_.resize(kept_);  // without the white space behind it
      return end_line();
    }
    if (c == '\\') {
      state_ = State::kValueEscape;
    } else {
      value_ += c;
      if (!blank(c)) kept_ = value_.size();
    }
  }
  void value_escape(char c) {
    state_ = State::kValue;
    if (c != '\n') add(c);
  }
  void quoted(char c, char quote) {
    if (c == quote) {
      state_ = State::kBeforeValue;
    } else if (c == '\\' && quote == '"') {
      state_ = State::kDoubleEscape;
    } else {
      add(c);
    }
  }
  void double_escape(char c) {
    state_ = State::kDouble;
    const bool special = std::string_view("\"\\`$").find(c) != std::string_view::npos;
    if (c == '\n') return;
    if (!special) add('\\');
    add(c);
  }
  void add(char c) {
    value_ += c;
    kept_ = value_.size();
  }

  void end_line() {
    state_ = State::kBeforeName;
    if (name_.starts_with("export ")) return refuse("systemd knows no export: write NAME=VALUE");
    const bool good = !name_.empty() && (name_[0] < '0' || name_[0] > '9') &&
                      name_.find_first_not_of(
                          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                          "0123456789_") == std::string::npos;
    if (!good) return refuse("its name is not a variable's");
    if (value_.size() > kEnvValueBytesMax) return refuse("its value has over 1 MiB");
    found_[name_] = value_;
  }
  void refuse(std::string_view why) {
    problem_ = "line " + std::to_string(line_) + ": " + std::string(why);
  }

  State state_ = State::kBeforeName;
  std::string name_, value_, problem_;
  bool comment_goes_on_ = false;  // for some systemds: it ended in a backslash
  std::size_t kept_ = 0;          // of the value, up to its last byte that is not blank
  std::size_t at_ = 1, line_ = 1;
  Variables found_;
};

}  // namespace

std::expected<Variables, std::string> parse_unit_file(std::string_view text) {
  UnitFile file;
  if (std::string problem = file.read(text); !problem.empty()) {
    return std::unexpected(std::move(problem));
  }
  return file.take();
}

}  // namespace imgring::config
