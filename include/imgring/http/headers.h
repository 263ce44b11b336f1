// Header fields of one message: an ordered list, names compared without case. A value; any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "imgring/base/text.h"

namespace imgring::http {

// What a field's, a method's or a cookie's name is made of (RFC 9110 5.6.2).
inline constexpr std::string_view kTokenChars =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";

class Headers {
 public:
  using Field = std::pair<std::string, std::string>;
  // First value, or empty.
  std::string_view get(std::string_view name) const noexcept {
    for (const auto& [key, value] : fields_) {
      if (equal_ignore_case(key, name)) return value;
    }
    return {};
  }
  bool has(std::string_view name) const noexcept { return count(name) > 0; }
  std::size_t count(std::string_view name) const noexcept {
    std::size_t n = 0;
    for (const auto& [key, value] : fields_) n += equal_ignore_case(key, name) ? 1 : 0;
    return n;
  }
  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  // Replaces the first of that name, or adds.
  void set(std::string_view name, std::string value) {
    for (auto& [key, old] : fields_) {
      if (!equal_ignore_case(key, name)) continue;
      old = std::move(value);
      return;
    }
    fields_.emplace_back(std::string(name), std::move(value));
  }
  const std::vector<Field>& fields() const noexcept { return fields_; }
  std::vector<Field>& fields() noexcept { return fields_; }
  bool empty() const noexcept { return fields_.empty(); }
  void clear() noexcept { fields_.clear(); }

 private:
  std::vector<Field> fields_;
};

// True when a value may be written to a peer: no CR, LF or NUL.
inline bool safe_value(std::string_view value) noexcept {
  return value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

}  // namespace imgring::http
