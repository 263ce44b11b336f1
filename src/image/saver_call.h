// What a saver of libvips is told beside the picture: a list, so that a child can be told the same.
// Values. Any thread.
#pragma once

#include <string>
#include <type_traits>
#include <variant>
#include <vector>

namespace imgring::image {

class SaverCall {
 public:
  struct Argument {
    std::string name;
    std::variant<int, double, std::string> value;
    bool if_known = false;  // left out where this libvips has no such argument
  };
  // Integers, enumerations and booleans are int, as the properties of libvips are.
  template <class T>
  SaverCall& set(const char* name, T value) {
    add(name, value, false);
    return *this;
  }
  template <class T>
  SaverCall& set_if_known(const char* name, T value) {
    add(name, value, true);
    return *this;
  }
  void add(Argument argument) { arguments_.push_back(std::move(argument)); }
  const std::vector<Argument>& arguments() const noexcept { return arguments_; }

 private:
  template <class T>
  void add(const char* name, T value, bool if_known) {
    if constexpr (std::is_floating_point_v<T>) {
      arguments_.push_back({name, static_cast<double>(value), if_known});
    } else if constexpr (std::is_convertible_v<T, std::string>) {
      arguments_.push_back({name, std::string(value), if_known});
    } else {
      arguments_.push_back({name, static_cast<int>(value), if_known});
    }
  }
  std::vector<Argument> arguments_;
};

}  // namespace imgring::image
