// Patterns of URL replacements: anchored at the start, `*` is any run without `/`.
// Immutable, any thread.
// Promises: time is the length of the text times the length of the pattern, whatever both hold.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace imgring::url {

class Pattern {
 public:
  explicit Pattern(std::string_view text);
  // The matched beginning, then what each `*` stands for: the longest possible, first star first.
  std::optional<std::vector<std::string_view>> match(std::string_view text) const;

 private:
  std::vector<std::string> literals_;  // before, between and after the stars
};

// Go's regexp templates: $1, ${1}, $$; a group that does not exist is nothing.
std::string expand_template(std::string_view text, const std::vector<std::string_view>& groups);

}  // namespace imgring::url
