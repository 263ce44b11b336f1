// Regular expressions by the C library: std::regex takes longer to compile than all else that a
// test includes.
#pragma once

#include <gtest/gtest.h>
#include <regex.h>

#include <optional>
#include <string>
#include <vector>

namespace imgring {

// The groups of the first match of an extended expression (regex(7)), the match itself first; none
// where nothing fits.
inline std::optional<std::vector<std::string>> first_match(const std::string& text,
                                                           const std::string& expression) {
  regex_t compiled;
  if (regcomp(&compiled, expression.c_str(), REG_EXTENDED) != 0) {
    ADD_FAILURE() << "not an expression: " << expression;
    return std::nullopt;
  }
  std::vector<regmatch_t> places(compiled.re_nsub + 1);
  const bool fits = regexec(&compiled, text.c_str(), places.size(), places.data(), 0) == 0;
  regfree(&compiled);
  if (!fits) return std::nullopt;
  std::vector<std::string> groups;
  for (const regmatch_t& place : places) {
    groups.push_back(place.rm_so < 0
                         ? std::string()
                         : text.substr(static_cast<std::size_t>(place.rm_so),
                                       static_cast<std::size_t>(place.rm_eo - place.rm_so)));
  }
  return groups;
}

}  // namespace imgring
