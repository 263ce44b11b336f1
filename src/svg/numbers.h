// Numbers of SVG's attributes, as far as an estimate needs them. Plain functions, any thread.
#pragma once

#include <string_view>

namespace imgring::svg {

struct SvgPair {
  double first = 0, second = 0;
};
// "3" or "3 5"; what is none, or negative, is `otherwise`.
SvgPair read_pair(std::string_view text, double otherwise) noexcept;
// In user units; -1: a share of something, or another unit.
double read_length(std::string_view text) noexcept;
// Width times height of a viewBox; 0: none.
double area_of_box(std::string_view text) noexcept;
// How much larger areas become by a transform.
double area_scale(std::string_view transform) noexcept;
// Ends of the segments of an outline ("d" or "points").
double count_vertices(std::string_view outline) noexcept;

}  // namespace imgring::svg
