// Boxes of HEIF files, put together by hand.
#pragma once

#include <cstdint>
#include <string>

namespace imgring::image::test {

inline std::string be(std::uint32_t value, int width) {
  std::string out;
  for (int i = width - 1; i >= 0; --i) {
    out.push_back(i < 4 ? static_cast<char>(value >> (8 * i)) : char{0});
  }
  return out;
}
inline std::string box(const std::string& name, const std::string& body) {
  return be(static_cast<std::uint32_t>(body.size() + 8), 4) + name + body;
}
inline std::string full_box(const std::string& name, const std::string& body,
                            std::uint32_t version = 0) {
  return box(name, be(version << 24, 4) + body);
}
// One entry of `iinf`.
inline std::string infe(std::uint32_t item, const std::string& type) {
  return full_box("infe", be(item, 2) + be(0, 2) + type + be(0, 1), 2);
}

}  // namespace imgring::image::test
