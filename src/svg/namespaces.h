// What prefixes mean while a walk goes down and up: a stack for each prefix, so that a lookup
// costs the same at any depth. Values; owned by one walk.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/svg/parser.h"

namespace imgring::svg {

class SvgNamespaces {
 public:
  // The declarations of a tag, in force until its leave().
  void enter(std::span<const SvgAttribute> attributes);
  void leave();
  // "" is what unprefixed elements are in. Empty: nothing was declared.
  std::string_view of(std::string_view prefix) const;
  // Characters and names that searches have looked at, at most: a count for SvgWork.
  std::uint64_t looked_at() const noexcept { return looked_at_; }

 private:
  using Stacks = std::map<std::string, std::vector<std::string>, std::less<>>;
  void count(std::size_t prefix_bytes) const noexcept;

  Stacks stacks_;
  std::vector<Stacks::iterator> declared_;  // in the order of the tags
  std::vector<std::size_t> scopes_;         // of each open tag: declared_ before it
  mutable std::uint64_t looked_at_ = 0;
};

}  // namespace imgring::svg
