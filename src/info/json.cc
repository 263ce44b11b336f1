// Members in the order in which they came.
#include "imgring/info/json.h"

#include "imgring/base/text.h"

namespace imgring::info {

Json Json::text(std::string_view value) { return Json(Kind::kWritten, json_quote(value)); }
Json Json::number(std::int64_t value) { return Json(Kind::kWritten, std::to_string(value)); }
Json Json::real(double value) { return Json(Kind::kWritten, format_number(value)); }
Json Json::boolean(bool value) { return Json(Kind::kWritten, value ? "true" : "false"); }

Json* Json::find(std::string_view name) noexcept {
  for (auto& [own, value] : members_) {
    if (own == name) return &value;
  }
  return nullptr;
}
const Json* Json::find(std::string_view name) const noexcept {
  for (const auto& [own, value] : members_) {
    if (own == name) return &value;
  }
  return nullptr;
}

void Json::set(std::string_view name, Json value) {
  if (find(name) == nullptr) members_.emplace_back(std::string(name), std::move(value));
}

void Json::replace(std::string_view name, Json value) {
  if (Json* const old = find(name)) {
    *old = std::move(value);
  } else {
    members_.emplace_back(std::string(name), std::move(value));
  }
}

Json Json::take_first() {
  Json first = std::move(members_.front().second);
  members_.clear();
  return first;
}

void Json::write_to(std::string* out) const {
  if (kind_ == Kind::kWritten) {
    *out += written_;
    return;
  }
  *out += is_object() ? '{' : '[';
  bool first = true;
  for (const auto& [name, value] : members_) {
    if (!first) *out += ',';
    first = false;
    if (is_object()) out->append(json_quote(name)).append(":");
    value.write_to(out);
  }
  *out += is_object() ? '}' : ']';
}

std::string Json::write() const {
  std::string out;
  write_to(&out);
  return out;
}

}  // namespace imgring::info
