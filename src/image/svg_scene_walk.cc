// The walk over the tree, as the rasteriser goes: what is shown, what is referred to, once for each
// time it is drawn.
#include <algorithm>
#include <array>

#include "svg_scene.h"

namespace imgring::image {
namespace {

// References through references; deeper ones count for nothing.
constexpr int kDepthMax = 1000;

// Drawn only where something refers to them, or never.
constexpr std::array<std::string_view, 20> kNotShown = {
    "clipPath", "defs",           "desc",    "filter", "font",    "linearGradient", "marker",
    "mask",     "metadata",       "pattern", "script", "style",   "symbol",         "title",
    "font-face", "view",     "radialGradient", "set",     "stop",   "foreignObject"};

bool is_shown(std::string_view name) noexcept {
  return std::find(kNotShown.begin(), kNotShown.end(), name) == kNotShown.end();
}
bool holds_text(std::string_view name) noexcept {
  return name == "text" || name == "tspan" || name == "textPath" || name == "tref" || name == "a";
}

}  // namespace

class SvgScene::Walk {
 public:
  Walk(SvgScene* scene, const SvgCanvas& canvas)
      : scene_(*scene), canvas_pixels_(canvas.width * canvas.height) {}

  Drawn run() {
    if (scene_.nodes_.empty()) return drawn_;
    inherit();
    const Node& root = scene_.nodes_[0];
    const bool sized = root.width > 0 && root.height > 0;
    const double area = root.box_area > 0 ? root.box_area : sized ? root.width * root.height : 0;
    if (area > 0) scale_ = canvas_pixels_ / area;
    drawn_.seconds = seconds_of(0, {0, false, 1});
    return drawn_;
  }

 private:
  struct Place {
    int depth;
    bool in_text;
    double scale;  // of areas, by transforms around
  };

  // Sheets, and what elements inside take from those around.
  void inherit() {
    for (Node& node : scene_.nodes_) {
      const Style own = node.style;
      node.style = {};
      scene_.apply_sheet(&node);
      Style& now = node.style;
      if (own.display != 0) now.display = own.display;
      if (own.filter != 0) now.filter = own.filter;
      if (own.marker_start != 0) now.marker_start = own.marker_start;
      if (own.marker_mid != 0) now.marker_mid = own.marker_mid;
      if (own.marker_end != 0) now.marker_end = own.marker_end;
      if (node.parent < 0) continue;
      const Style& around = scene_.nodes_[static_cast<std::size_t>(node.parent)].style;
      if (now.marker_start == 0) now.marker_start = around.marker_start;
      if (now.marker_mid == 0) now.marker_mid = around.marker_mid;
      if (now.marker_end == 0) now.marker_end = around.marker_end;
    }
  }

  int find(Word id) const {
    const auto found = scene_.ids_.find(id);
    return id == 0 || found == scene_.ids_.end() ? -1 : found->second;
  }

  double seconds_of(int number, const Place& place) {
    Node& node = scene_.nodes_[static_cast<std::size_t>(number)];
    if (node.seconds >= 0) return node.seconds;
    if (node.entered || place.depth > kDepthMax) return 0;
    if (scene_.words_[node.style.display] == "none") return node.seconds = 0;
    node.entered = true;
    const double seconds = own_seconds(&node, place) + inside_seconds(node, place) +
                           filter_seconds(node, place);
    node.entered = false;
    return node.seconds = seconds;
  }

  double own_seconds(Node* node, const Place& place) {
    const std::string_view name = scene_.words_[node->name];
    double seconds = SvgCosts::kElement + node->picture_seconds;
    if (place.in_text || name == "text") {
      if (holds_text(name)) seconds += node->text_seconds;
    }
    if (node->font_size > kSvgFontSizeMax) drawn_.refused = "font-size over 100000";
    drawn_.picture_pixels += node->picture_pixels;
    seconds += marker_seconds(*node, place);
    const int target = name == "use" || name == "tref" ? find(node->link) : -1;
    if (target >= 0) seconds += seconds_of(target, {place.depth + 1, false, area_of(*node, place)});
    return seconds;
  }

  static double area_of(const Node& node, const Place& place) { return place.scale * node.scale; }

  double inside_seconds(const Node& node, const Place& place) {
    const std::string_view name = scene_.words_[node.name];
    const bool text = name == "text" || (place.in_text && holds_text(name));
    double seconds = 0;
    for (int i = node.first_inside; i >= 0; i = scene_.nodes_[static_cast<std::size_t>(i)].next) {
      const Node& inside = scene_.nodes_[static_cast<std::size_t>(i)];
      if (!is_shown(scene_.words_[inside.name])) continue;
      seconds += seconds_of(i, {place.depth + 1, text, area_of(node, place)});
      if (name == "switch") break;
    }
    return seconds;
  }

  double marker_seconds(const Node& node, const Place& place) {
    if (node.vertices <= 0) return 0;
    const auto of = [&](Word id, double count) {
      const int marker = find(id);
      if (marker < 0 || count <= 0) return 0.0;
      return count * (SvgCosts::kMarker + seconds_of(marker, {place.depth + 1, false, 0}));
    };
    return of(node.style.marker_start, 1) + of(node.style.marker_mid, node.vertices - 2) +
           of(node.style.marker_end, 1);
  }

  // Where a filter runs: its own region, or what it is put on and a fifth more; 0: not known.
  double filter_pixels(const Node& filter, const Node& node, const Place& place) const {
    const bool user = filter.in_user_space;
    const double share = user ? 1 : 1.44;
    const Node& sized = user ? filter : node;
    if (sized.width <= 0 || sized.height <= 0) return 0;
    const double area = share * sized.width * sized.height * area_of(node, place) * scale_;
    return std::min(area, canvas_pixels_);
  }

  double filter_seconds(const Node& node, const Place& place) {
    const int number = find(node.style.filter);
    if (number < 0) return 0;
    Node& filter = scene_.nodes_[static_cast<std::size_t>(number)];
    if (filter.filter_each < 0) add_primitives(&filter);
    return filter.filter_each * filter_pixels(filter, node, place);
  }
  void add_primitives(Node* filter) {
    filter->filter_each = 0;
    for (int i = filter->first_inside; i >= 0;) {
      const Node& primitive = scene_.nodes_[static_cast<std::size_t>(i)];
      filter->filter_each += primitive.primitive_seconds;
      i = primitive.next;
    }
  }

  SvgScene& scene_;
  double canvas_pixels_, scale_ = 0;
  Drawn drawn_;
};

SvgScene::Drawn SvgScene::draw(const SvgCanvas& canvas) {
  read_sheet();
  return Walk(this, canvas).run();
}

}  // namespace imgring::image
