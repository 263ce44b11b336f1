// JSON as a value, written without spaces: what metadata says, in the order in which it was set.
// A value; any thread. Promises: the text is valid JSON in UTF-8 whatever bytes went in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace imgring::info {

class Json {
 public:
  static Json text(std::string_view value);  // bytes that are no UTF-8 become U+FFFD
  static Json number(std::int64_t value);
  static Json real(double value);  // must be finite
  static Json boolean(bool value);
  static Json object() { return Json(Kind::kObject); }
  static Json array() { return Json(Kind::kArray); }

  // Of an object. The first value of a name stays.
  void set(std::string_view name, Json value);
  // The last one.
  void replace(std::string_view name, Json value);
  bool has(std::string_view name) const noexcept { return find(name) != nullptr; }
  // Null: there is none. Valid until the next set().
  Json* find(std::string_view name) noexcept;
  const Json* find(std::string_view name) const noexcept;
  // Of an array.
  void add(Json value) { members_.emplace_back(std::string(), std::move(value)); }
  // Of an array that is not empty, which is empty then.
  Json take_first();
  std::size_t size() const noexcept { return members_.size(); }
  bool is_object() const noexcept { return kind_ == Kind::kObject; }
  bool is_array() const noexcept { return kind_ == Kind::kArray; }

  std::string write() const;

 private:
  enum class Kind : std::uint8_t { kWritten, kObject, kArray };
  explicit Json(Kind kind, std::string written = {}) : kind_(kind), written_(std::move(written)) {}
  void write_to(std::string* out) const;

  Kind kind_;
  std::string written_;  // a text or number as it stands in JSON
  std::vector<std::pair<std::string, Json>> members_;
};

}  // namespace imgring::info
