// Where a link or an address of style may lead in an SVG that is served: to a place in the file, to
// pages and pictures of the web, into pictures that the link holds itself; never to what runs.
// An SVG in a link is sanitised itself. Owned by one walk.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "imgring/svg/work.h"

namespace imgring::svg {

class SvgLinks {
 public:
  // `depth`: SVGs around this one.
  SvgLinks(SvgWork* work, int depth) noexcept : work_(work), depth_(depth) {}
  // What stands there afterwards: the same, another, or nullopt: nothing. `element` in lower case,
  // as HTML reads it.
  std::optional<std::string> link(std::string_view element, std::string_view value);
  // In style: nothing of the web is fetched. Pictures and fonts in the address stay.
  std::optional<std::string> address(std::string_view value);

 private:
  std::optional<std::string> picture(std::string_view value);

  SvgWork* work_;
  int depth_;
};

// Whether such words stand in it, in any case, with any space between.
bool names_javascript(std::string_view value);

}  // namespace imgring::svg
