// Texts of metadata, whose encoding nobody says. Plain functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "imgring/base/text.h"

namespace imgring::info {

// As it is where it is UTF-8, else what it is as Latin-1. Without what follows a NUL.
inline std::string as_utf8(std::string_view text) {
  text = text.substr(0, text.find('\0'));
  bool valid = true;
  for (std::string_view rest = text; valid && !rest.empty();) {
    const std::size_t length = utf8_length(rest);
    valid = length > 0;
    rest.remove_prefix(length);
  }
  if (valid) return std::string(text);
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += {static_cast<char>(0xC0 | byte >> 6), static_cast<char>(0x80 | (byte & 0x3F))};
    }
  }
  return out;
}

}  // namespace imgring::info
