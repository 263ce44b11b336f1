// Reading the tree: attributes, style, text. The walk over it is scene_walk.cc.
#include "imgring/svg/scene.h"

#include <algorithm>
#include <cmath>

#include "css.h"
#include "imgring/base/text.h"
#include "numbers.h"

namespace imgring::svg {
namespace {

std::string_view local_of(std::string_view name) noexcept {
  return name.substr(name.rfind(':') + 1);
}

bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool begins_letter(char c) noexcept {
  constexpr int kTop = 0xC0, kFollows = 0x80;  // bytes that follow in UTF-8
  return (c & kTop) != kFollows;
}

// Square pixels of the radius that librsvg reads: 10 at most to each side.
double kernel_cells(double radius_x, double radius_y) noexcept {
  constexpr double kRadiusMax = 10;
  return (2 * std::min(radius_x, kRadiusMax) + 1) * (2 * std::min(radius_y, kRadiusMax) + 1);
}

double primitive_seconds(std::string_view local, std::span<const SvgAttribute> attributes) {
  const auto pair_of = [&](std::string_view name, double otherwise) {
    SvgPair found{otherwise, otherwise};
    for (const SvgAttribute& a : attributes) {
      if (a.name == name) found = read_pair(a.value, otherwise);
    }
    return found;
  };
  if (local == "feTurbulence") {
    return SvgCosts::kPrimitive + SvgCosts::kOctave * pair_of("numOctaves", 1).first;
  }
  if (local == "feConvolveMatrix") {
    const SvgPair order = pair_of("order", 3);
    return SvgCosts::kPrimitive + SvgCosts::kKernelCell * order.first * order.second;
  }
  if (local == "feMorphology") {
    const SvgPair radius = pair_of("radius", 0);
    return SvgCosts::kRadiusCell * kernel_cells(radius.first, radius.second);
  }
  if (local == "feDisplacementMap") return SvgCosts::kDisplacement;
  const bool primitive = local.starts_with("fe") && !local.starts_with("feFunc") &&
                         local != "feMergeNode" && !local.ends_with("Light");
  return primitive ? SvgCosts::kPrimitive : 0;
}

}  // namespace

SvgScene::SvgScene() { words_.push_back({}); }

SvgScene::Word SvgScene::word(std::string_view text) {
  if (text.empty()) return 0;
  const auto found = known_.find(text);
  if (found != known_.end()) return found->second;
  const Word number = static_cast<Word>(words_.size());
  words_.push_back(known_.emplace(text, number).first->first);
  return number;
}

void SvgScene::begin(const SvgTag& tag) {
  if (!open_.empty()) end_run(&nodes_[static_cast<std::size_t>(open_.back())]);
  const int number = static_cast<int>(nodes_.size());
  Node node;
  const std::string_view local = local_of(tag.name);
  node.name = word(local);
  if (!open_.empty()) {
    node.keeps_spaces = nodes_[static_cast<std::size_t>(open_.back())].keeps_spaces;
  }
  for (const SvgAttribute& a : tag.all) read_attribute(a, &node);
  node.primitive_seconds = primitive_seconds(local, tag.all);
  if (local == "feConvolveMatrix") {
    for (const SvgAttribute& a : tag.all) {
      if (a.name != "order") continue;
      const SvgPair order = read_pair(a.value, 3);
      kernel_cells_ = std::max(kernel_cells_, order.first * order.second);
    }
  }
  if (node.id != 0) ids_.emplace(node.id, number);
  if (!open_.empty()) {
    node.parent = open_.back();
    Node& parent = nodes_[static_cast<std::size_t>(node.parent)];
    if (parent.last_inside >= 0)
      nodes_[static_cast<std::size_t>(parent.last_inside)].next = number;
    else
      parent.first_inside = number;
    parent.last_inside = number;
  }
  nodes_.push_back(node);
  open_.push_back(number);
}

void SvgScene::end() {
  end_run(&nodes_[static_cast<std::size_t>(open_.back())]);
  open_.pop_back();
}

void SvgScene::text(std::string_view text) {
  if (open_.empty()) return;
  Node& node = nodes_[static_cast<std::size_t>(open_.back())];
  if (words_[node.name] == "style") {
    selectors_ += static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return c == '{' || c == ','; }));
    sheet_ += text;
  }
  for (const char c : text) {
    // Spaces in a row are laid out as one.
    const bool dropped = is_space(c) && node.after_space && !node.keeps_spaces;
    if (begins_letter(c) && !dropped) ++node.run;
    node.after_space = is_space(c);
  }
}

// Each run of letters between two tags is laid out by itself.
void SvgScene::end_run(Node* node) {
  node->text_seconds +=
      node->run * SvgCosts::kLetter + node->run * node->run * SvgCosts::kLetterSquared;
  node->run = 0;
  node->after_space = false;
}

void SvgScene::picture(std::int64_t pixels, double seconds, const std::string& refused) {
  Node& node = nodes_[static_cast<std::size_t>(open_.back())];
  node.picture_pixels += pixels;
  node.picture_seconds += seconds;
  if (!refused.empty()) node.picture_refused = word(refused);
}

double SvgScene::loading_seconds() const noexcept {
  return static_cast<double>(nodes_.size()) * static_cast<double>(selectors_) *
         SvgCosts::kRuleOnElement;
}

void SvgScene::read_attribute(const SvgAttribute& a, Node* node) {
  if (a.name == "id") node->id = word(a.value);
  if (a.name == "xml:space") node->keeps_spaces = a.value == "preserve";
  if (a.name == "class") node->classes = word(a.value);
  if (local_of(a.name) == "href" && a.value.starts_with('#')) node->link = word(a.value.substr(1));
  if (a.name == "d") node->vertices = count_vertices(a.value);
  if (a.name == "points") node->vertices = count_vertices(a.value);
  if (a.name == "width") node->width = read_length(a.value);
  if (a.name == "height") node->height = read_length(a.value);
  if (a.name == "viewBox") node->box_area = area_of_box(a.value);
  if (a.name == "r") node->width = node->height = 2 * std::max(0.0, read_length(a.value));
  if (a.name == "rx") node->width = 2 * std::max(0.0, read_length(a.value));
  if (a.name == "ry") node->height = 2 * std::max(0.0, read_length(a.value));
  if (a.name == "font-size") node->font_size = read_pair(a.value, 0).first;
  if (a.name == "transform") node->scale = area_scale(a.value);
  if (a.name == "filterUnits") node->in_user_space = a.value == "userSpaceOnUse";
  if (a.name == "style")
    read_declarations(a.value, &node->style);
  else
    read_declaration(a.name, a.value, &node->style);
}

void SvgScene::read_declaration(std::string_view name, std::string_view value, Style* style) {
  const auto refers_to = [&] {
    const std::size_t start = value.find('#'), end = value.find_first_of("\"') \t", start);
    if (start == std::string_view::npos || value.find("url(") == std::string_view::npos) {
      return word("none");
    }
    return word(value.substr(start + 1, std::min(end, value.size()) - start - 1));
  };
  if (name == "display") style->display = word(trim(value));
  if (name == "filter") style->filter = refers_to();
  if (name == "marker-start" || name == "marker") style->marker_start = refers_to();
  if (name == "marker-mid" || name == "marker") style->marker_mid = refers_to();
  if (name == "marker-end" || name == "marker") style->marker_end = refers_to();
}

void SvgScene::read_declarations(std::string_view css, Style* style) {
  for (const std::string_view declaration : split(css, ";")) {
    const std::size_t colon = declaration.find(':');
    if (colon == std::string_view::npos) continue;
    read_declaration(trim(declaration.substr(0, colon)), trim(declaration.substr(colon + 1)),
                     style);
  }
}

// Rules of one name, class or id, which is what drawing programs write. Others are passed over, and
// what they do is not counted.
void SvgScene::read_sheet() {
  CssTokens tokens(sheet_);
  std::string selectors, declarations;
  int depth = 0;
  bool at_rule = false;
  for (CssToken token; tokens.next(&token);) {
    if (token.kind == CssKind::kSpace) {
      (depth == 0 ? selectors : declarations) += ' ';
      continue;
    }
    at_rule = at_rule || (depth == 0 && token.kind == CssKind::kAtKeyword);
    const bool brace = token.kind == CssKind::kDelim;
    if (brace && token.first() == '{') {
      ++depth;
    } else if (brace && token.first() == '}' && depth > 0) {
      if (--depth > 0) continue;
      Style own;  // read once, however many selectors have it
      if (!at_rule) read_declarations(declarations, &own);
      for (const std::string_view selector : split(selectors, ",")) {
        if (!at_rule) lay_over(own, &rules_[std::string(trim(selector))]);
      }
      selectors.clear();
      declarations.clear();
      at_rule = false;
    } else if (brace && token.first() == ';' && depth == 0) {
      selectors.clear();
      at_rule = false;
    } else {
      (depth == 0 ? selectors : declarations) += token.raw;
    }
  }
}

void SvgScene::lay_over(const Style& from, Style* to) noexcept {
  if (from.display != 0) to->display = from.display;
  if (from.filter != 0) to->filter = from.filter;
  if (from.marker_start != 0) to->marker_start = from.marker_start;
  if (from.marker_mid != 0) to->marker_mid = from.marker_mid;
  if (from.marker_end != 0) to->marker_end = from.marker_end;
}

void SvgScene::apply_rule(std::string_view selector, Style* style) const {
  const auto rule = rules_.find(selector);
  if (rule != rules_.end()) lay_over(rule->second, style);
}

void SvgScene::apply_sheet(Node* node) const {
  if (rules_.empty()) return;
  apply_rule("*", &node->style);
  apply_rule(words_[node->name], &node->style);
  for (const std::string_view name : split(words_[node->classes], " ")) {
    if (!name.empty()) apply_rule("." + std::string(name), &node->style);
  }
  if (node->id != 0) apply_rule("#" + std::string(words_[node->id]), &node->style);
}

}  // namespace imgring::svg
