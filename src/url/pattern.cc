// Matching of replacements' patterns without regular expressions (see pattern.h). Any thread.
#include "pattern.h"

#include <cstddef>
#include <cstdint>

#include "imgring/base/text.h"

namespace imgring::url {
namespace {

bool literal_at(std::string_view text, std::size_t at, std::string_view literal) {
  return text.substr(at).starts_with(literal);
}

bool is_word(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  // Go counts letters of all languages; bytes above 0x7F stand for them.
  return letter || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
}

// Number of a group's name; -1: a name that no group has.
int group_number(std::string_view name) {
  int number = 0;
  for (const char c : name) {
    if (c < '0' || c > '9' || number >= 100'000'000) return -1;
    number = number * 10 + (c - '0');
  }
  return name.size() > 1 && name[0] == '0' ? -1 : number;
}

}  // namespace

Pattern::Pattern(std::string_view text) {
  for (const std::string_view literal : split(text, "*")) literals_.emplace_back(literal);
}

std::optional<std::vector<std::string_view>> Pattern::match(std::string_view text) const {
  if (!text.starts_with(literals_[0])) return std::nullopt;
  const std::size_t stars = literals_.size() - 1, places = text.size() + 1;
  // fits[k * places + p]: from literal k + 1 at place p on, everything fits. Filled backwards.
  std::vector<std::uint8_t> fits(stars * places);
  for (std::size_t k = stars; k-- > 0;) {
    const std::string& literal = literals_[k + 1];
    // Whether the next literal can be reached from a place over characters that are no slash.
    std::vector<std::uint8_t> reach;
    if (k + 1 < stars) {
      reach.resize(places);
      for (std::size_t p = places; p-- > 0;) {
        const bool later = p < text.size() && text[p] != '/' && reach[p + 1];
        reach[p] = fits[(k + 1) * places + p] || later;
      }
    }
    for (std::size_t p = 0; p < places; ++p) {
      if (!literal_at(text, p, literal)) continue;
      fits[k * places + p] = k + 1 == stars || reach[p + literal.size()];
    }
  }
  std::vector<std::string_view> groups(stars + 1);
  std::size_t place = literals_[0].size();
  for (std::size_t k = 0; k < stars; ++k) {
    std::size_t best = places;
    for (std::size_t p = place; p < places; ++p) {
      if (fits[k * places + p]) best = p;
      if (p < text.size() && text[p] == '/') break;
    }
    if (best == places) return std::nullopt;
    groups[k + 1] = text.substr(place, best - place);
    place = best + literals_[k + 1].size();
  }
  groups[0] = text.substr(0, place);
  return groups;
}

std::string expand_template(std::string_view text, const std::vector<std::string_view>& groups) {
  std::string result;
  while (!text.empty()) {
    const std::size_t dollar = text.find('$');
    result += text.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    text.remove_prefix(dollar + 1);
    if (text.starts_with('$')) {
      result += '$';
      text.remove_prefix(1);
      continue;
    }
    const std::size_t start = text.starts_with('{') ? 1 : 0;
    std::size_t end = start;
    while (end < text.size() && is_word(text[end])) ++end;
    const bool closed = start == 0 || (end < text.size() && text[end] == '}');
    if (end == start || !closed) {
      result += '$';
      continue;
    }
    const int number = group_number(text.substr(start, end - start));
    if (number >= 0 && static_cast<std::size_t>(number) < groups.size()) {
      result += groups[static_cast<std::size_t>(number)];
    }
    text.remove_prefix(end + start);
  }
  return result;
}

}  // namespace imgring::url
