// Words between separators, and what is no number counts as what the caller says.
#include "numbers.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "imgring/base/text.h"

namespace imgring::svg {
namespace {

constexpr std::string_view kBetween = " ,\t\r\n";

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// The next word between separators, or empty.
std::string_view next_word(std::string_view* text) noexcept {
  text->remove_prefix(std::min(text->find_first_not_of(kBetween), text->size()));
  const std::string_view found = text->substr(0, text->find_first_of(kBetween));
  text->remove_prefix(found.size());
  return found;
}

double number(std::string_view text, double otherwise) noexcept {
  const double value = parse_float(text).value_or(otherwise);
  return std::isfinite(value) && value >= 0 ? value : otherwise;
}

// Numbers that a segment of this letter takes; its end is one vertex.
int numbers_of(char command) noexcept {
  switch (command | 0x20) {
    case 'h':
    case 'v': return 1;
    case 's':
    case 'q': return 4;
    case 'c': return 6;
    case 'a': return 7;
    default: return 2;
  }
}

// The end of the number that begins at `i`.
std::size_t number_end(std::string_view text, std::size_t i) noexcept {
  bool dot = false;
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (is_digit(c)) continue;
    if (c == '.' && !dot) {
      dot = true;
    } else if ((c | 0x20) == 'e' && i + 1 < text.size()) {
      if (text[i + 1] == '-' || text[i + 1] == '+') ++i;
    } else {
      break;
    }
  }
  return i;
}

}  // namespace

SvgPair read_pair(std::string_view text, double otherwise) noexcept {
  const double first = number(next_word(&text), otherwise);
  const std::string_view second = next_word(&text);
  return {first, second.empty() ? first : number(second, otherwise)};
}

double read_length(std::string_view text) noexcept {
  text = trim(text);
  if (text.ends_with("px")) text.remove_suffix(2);
  return number(text, -1);
}

double area_of_box(std::string_view text) noexcept {
  next_word(&text);
  next_word(&text);
  const SvgPair sides = read_pair(text, 0);
  return sides.first * sides.second;
}

double area_scale(std::string_view transform) noexcept {
  double scale = 1;
  for (std::size_t open = transform.find('('); open != std::string_view::npos;
       open = transform.find('(', open + 1)) {
    const std::string_view before = trim(transform.substr(0, open));
    std::string_view inside = transform.substr(open + 1);
    inside = inside.substr(0, inside.find(')'));
    std::array<double, 4> n{};
    int count = 0;
    for (double& value : n) {
      const std::string_view word = next_word(&inside);
      count += word.empty() ? 0 : 1;
      value = parse_float(word).value_or(0);
    }
    if (before.ends_with("matrix")) scale *= std::abs(n[0] * n[3] - n[1] * n[2]);
    if (before.ends_with("scale")) scale *= std::abs(n[0] * (count > 1 ? n[1] : n[0]));
  }
  return std::isfinite(scale) ? scale : 0;
}

double count_vertices(std::string_view outline) noexcept {
  double vertices = 0;
  int takes = 2, taken = 0;
  for (std::size_t i = 0; i < outline.size();) {
    const char c = outline[i];
    if (is_digit(c) || c == '-' || c == '+' || c == '.') {
      i = std::max(i + 1, number_end(outline, i));
      if (++taken < takes) continue;
      taken = 0;
      ++vertices;
      continue;
    }
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter) {
      takes = numbers_of(c);
      taken = 0;
    }
    ++i;
  }
  return vertices;
}

}  // namespace imgring::svg
