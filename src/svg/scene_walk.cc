// The walk over the tree, as the rasteriser goes: what is shown, what is referred to, once for each
// time it is drawn. Each node is added up once: what it costs whatever its scale, and what its
// filters cost at some scales, since a filter costs what its pixels do until it covers the canvas.
#include <algorithm>
#include <array>
#include <cmath>

#include "imgring/svg/scene.h"

namespace imgring::svg {
namespace {

// References through references; deeper ones count for nothing.
constexpr int kDepthMax = 1000;

// Drawn only where something refers to them, or never.
constexpr std::array<std::string_view, 20> kNotShown = {
    "clipPath",  "defs",     "desc",           "filter", "font",  "linearGradient", "marker",
    "mask",      "metadata", "pattern",        "script", "style", "symbol",         "title",
    "font-face", "view",     "radialGradient", "set",    "stop",  "foreignObject"};

bool is_shown(std::string_view name) noexcept {
  return std::find(kNotShown.begin(), kNotShown.end(), name) == kNotShown.end();
}
// Of areas: 4^-7 to 4^12. The seconds of filters grow with the scale and ever slower, so that a
// line between two of these, and to nothing below the first, is never above what they are.
constexpr int kFirstPower = -7;
constexpr double kStep = 4;

double scale_at(std::size_t place) noexcept {
  return std::pow(kStep, kFirstPower + static_cast<int>(place));
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
    count(0, {0, false});
    drawn_.seconds = root.seconds + filters_at(root, 1);
    return drawn_;
  }

 private:
  struct Place {
    int depth;
    bool in_text;
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

  Node& node_at(int number) { return scene_.nodes_[static_cast<std::size_t>(number)]; }

  double filters_at(const Node& node, double scale) const {
    if (node.filters < 0 || !(scale > 0)) return 0;
    const AtScales& f = scene_.filters_[static_cast<std::size_t>(node.filters)];
    const double first = scale_at(0);
    if (scale <= first) return f[0] * scale / first;
    const double steps = std::log(scale / first) / std::log(kStep);
    const auto place = static_cast<std::size_t>(std::min(steps, double{kScales}));
    if (place + 1 >= kScales) return f[kScales - 1];
    const double low = scale_at(place), share = (scale - low) / (low * (kStep - 1));
    return f[place] + std::clamp(share, 0.0, 1.0) * (f[place + 1] - f[place]);
  }

  // What a node draws `times` at `scale` of its own.
  void add(const Node& drawn, double times, double scale, Node* to) {
    to->seconds += times * std::max(0.0, drawn.seconds);
    if (drawn.filters < 0 || !(scale > 0)) return;
    add_filters(to, [&](double around) { return times * filters_at(drawn, around * scale); });
  }
  template <class Seconds>
  void add_filters(Node* to, const Seconds& at_scale) {
    if (to->filters < 0) {
      to->filters = static_cast<int>(scene_.filters_.size());
      scene_.filters_.emplace_back();
    }
    for (std::size_t i = 0; i < kScales; ++i) {
      scene_.filters_[static_cast<std::size_t>(to->filters)][i] += at_scale(scale_at(i));
    }
  }

  // Once for each node; one that is being counted refers to itself, and counts for nothing.
  void count(int number, const Place& place) {
    Node& node = node_at(number);
    if (node.seconds >= 0 || node.entered || place.depth > kDepthMax) return;
    if (scene_.words_[node.style.display] == "none") {
      node.seconds = 0;
      return;
    }
    node.entered = true;
    Node sum;
    add_own(node, place, &sum);
    add_inside(node, place, &sum);
    add_own_filter(node, &sum);
    node.seconds = sum.seconds;
    node.filters = sum.filters;
    node.entered = false;
  }
  void draw(int number, const Place& place, double times, double scale, Node* sum) {
    count(number, place);
    add(node_at(number), times, scale, sum);
  }

  void add_own(const Node& node, const Place& place, Node* sum) {
    const std::string_view name = scene_.words_[node.name];
    sum->seconds = SvgCosts::kElement + node.picture_seconds;
    if ((place.in_text || name == "text") && holds_text(name)) sum->seconds += node.text_seconds;
    if (node.font_size > kSvgFontSizeMax) drawn_.refused = "font-size over 1000000";
    if (node.picture_refused != 0) drawn_.refused = scene_.words_[node.picture_refused];
    drawn_.picture_pixels += node.picture_pixels;
    add_markers(node, place, sum);
    const int target = name == "use" || name == "tref" ? find(node.link) : -1;
    if (target >= 0) draw(target, {place.depth + 1, false}, 1, node.scale, sum);
  }

  void add_inside(const Node& node, const Place& place, Node* sum) {
    const std::string_view name = scene_.words_[node.name];
    const bool text = name == "text" || (place.in_text && holds_text(name));
    for (int i = node.first_inside; i >= 0; i = node_at(i).next) {
      if (!is_shown(scene_.words_[node_at(i).name])) continue;
      draw(i, {place.depth + 1, text}, 1, node.scale, sum);
      if (name == "switch") break;
    }
  }

  void add_markers(const Node& node, const Place& place, Node* sum) {
    if (node.vertices <= 0) return;
    const auto put = [&](Word id, double times) {
      const int marker = find(id);
      if (marker < 0 || times <= 0) return;
      sum->seconds += times * SvgCosts::kMarker;
      draw(marker, {place.depth + 1, false}, times, 0, sum);
    };
    put(node.style.marker_start, 1);
    put(node.style.marker_mid, node.vertices - 2);
    put(node.style.marker_end, 1);
  }

  // Where a filter runs: its own region, or what it is put on and a fifth more; 0: not known.
  double filter_area(const Node& filter, const Node& node) const {
    const bool user = filter.in_user_space;
    const double share = user ? 1 : 1.44;
    const Node& sized = user ? filter : node;
    if (sized.width <= 0 || sized.height <= 0) return 0;
    return share * sized.width * sized.height * node.scale * scale_;
  }

  void add_own_filter(const Node& node, Node* sum) {
    const int number = find(node.style.filter);
    if (number < 0) return;
    Node& filter = node_at(number);
    if (filter.filter_each < 0) add_primitives(&filter);
    const double area = filter_area(filter, node), each = filter.filter_each;
    if (area <= 0 || each <= 0) return;
    add_filters(sum, [&](double around) { return each * std::min(area * around, canvas_pixels_); });
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

}  // namespace imgring::svg
