// The bytes of each attribute in a tag that expat has found well-formed. A view of the tag.
#pragma once

#include <optional>
#include <string_view>

namespace imgring::svg {

struct RawAttribute {
  std::string_view whole, name, value;  // whole: with the space before it; value: without quotes
};

class TagWalk {
 public:
  explicit TagWalk(std::string_view tag) noexcept : tag_(tag) {
    while (at_ < tag_.size() && !is_space(tag_[at_]) && tag_[at_] != '>' && tag_[at_] != '/') ++at_;
  }
  std::string_view name_part() const noexcept { return tag_.substr(0, at_); }
  std::optional<RawAttribute> next() noexcept {
    const std::size_t first = at_;
    std::size_t i = skip_spaces(first);
    if (i >= tag_.size() || tag_[i] == '/' || tag_[i] == '>') return std::nullopt;
    const std::size_t name_at = i;
    while (i < tag_.size() && !is_space(tag_[i]) && tag_[i] != '=') ++i;
    const std::string_view name = tag_.substr(name_at, i - name_at);
    i = tag_.find_first_of("\"'", i);
    if (i == std::string_view::npos) return std::nullopt;
    const std::size_t end = tag_.find(tag_[i], i + 1);
    if (end == std::string_view::npos) return std::nullopt;
    at_ = end + 1;
    return RawAttribute{tag_.substr(first, at_ - first), name, tag_.substr(i + 1, end - i - 1)};
  }
  std::string_view tail() const noexcept { return tag_.substr(at_); }

 private:
  static bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
  std::size_t skip_spaces(std::size_t i) const noexcept {
    while (i < tag_.size() && is_space(tag_[i])) ++i;
    return i;
  }
  std::string_view tag_;
  std::size_t at_ = 1;  // after `<`
};

}  // namespace imgring::svg
