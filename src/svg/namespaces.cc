// A prefix has a stack of its meanings; what a tag declared is taken off when the tag ends.
#include "namespaces.h"

#include <bit>

namespace imgring::svg {
namespace {

constexpr std::string_view kDeclaration = "xmlns";

}  // namespace

// A balanced tree compares with this many names.
void SvgNamespaces::count(std::size_t prefix_bytes) const noexcept {
  looked_at_ += (prefix_bytes + 1) * static_cast<std::uint64_t>(std::bit_width(stacks_.size()) + 1);
}

void SvgNamespaces::enter(std::span<const SvgAttribute> attributes) {
  scopes_.push_back(declared_.size());
  for (const SvgAttribute& a : attributes) {
    if (!a.name.starts_with(kDeclaration)) continue;
    std::string_view prefix = a.name.substr(kDeclaration.size());
    if (!prefix.empty() && prefix[0] != ':') continue;
    if (!prefix.empty()) prefix.remove_prefix(1);
    count(prefix.size());
    auto stack = stacks_.find(prefix);
    if (stack == stacks_.end()) stack = stacks_.emplace(prefix, Stacks::mapped_type()).first;
    stack->second.emplace_back(a.value);
    declared_.push_back(stack);
  }
}

// What a tag declared goes with it, and a prefix nobody means any more too.
void SvgNamespaces::leave() {
  for (; declared_.size() > scopes_.back(); declared_.pop_back()) {
    const Stacks::iterator stack = declared_.back();
    stack->second.pop_back();
    if (stack->second.empty()) stacks_.erase(stack);
  }
  scopes_.pop_back();
}

std::string_view SvgNamespaces::of(std::string_view prefix) const {
  count(prefix.size());
  const auto stack = stacks_.find(prefix);
  return stack == stacks_.end() ? std::string_view() : std::string_view(stack->second.back());
}

}  // namespace imgring::svg
