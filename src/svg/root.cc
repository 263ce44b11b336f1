// The size that an SVG's root says, as libvips reads it from librsvg: for estimates, not for
// drawing.
#include <algorithm>
#include <cmath>

#include "imgring/svg/parser.h"
#include "imgring/svg/svg.h"

namespace imgring::svg {
namespace {

// A root behind more than this is left unread: expat would expand what lies before it on a loop.
constexpr std::size_t kHeadBytes = 4096;

struct Unit {
  std::string_view name;
  double pixels;
};
constexpr double kInch = 96;  // of CSS
constexpr Unit kUnits[] = {{"px", 1},
                           {"in", kInch},
                           {"cm", kInch / 2.54},
                           {"mm", kInch / 25.4},
                           {"pt", kInch / 72},
                           {"pc", kInch / 6},
                           {"em", 12},
                           {"ex", 6},
                           {"", 1}};

// 0 for what is none, a share of something, or nothing to draw.
double number(std::string_view text) noexcept {
  const double value = parse_float(text).value_or(0);
  return std::isfinite(value) && value > 0 ? value : 0;
}

double pixels(std::string_view length) noexcept {
  length = trim(length);
  for (const Unit& unit : kUnits) {
    if (!length.ends_with(unit.name)) continue;
    return number(trim(length.substr(0, length.size() - unit.name.size()))) * unit.pixels;
  }
  return 0;
}

class Root : public SvgHandler {
 public:
  void attach(SvgParser* parser) noexcept { parser_ = parser; }

  void on_start(const SvgTag& tag) override {
    if (tag.name.substr(tag.name.rfind(':') + 1) == "svg") {
      for (const SvgAttribute& a : tag.all) {
        if (a.name == "width") size_.width = pixels(a.value);
        if (a.name == "height") size_.height = pixels(a.value);
        if (a.name == "viewBox") read_box(a.value);
        if (a.name == "style") styled_ = sets_sides(a.value);
      }
    }
    parser_->refuse("the root is all that is wanted");
  }
  void on_end(std::string_view) override {}
  void on_text(std::string_view, std::string_view) override {}

  // A side that isn't given follows from the box.
  std::optional<SvgRootSize> size() const noexcept {
    SvgRootSize out = size_;
    const bool box = box_.width > 0 && box_.height > 0;
    if (styled_) return std::nullopt;
    if (box && out.width <= 0 && out.height <= 0) return box_;
    if (box && out.width <= 0) out.width = out.height * box_.width / box_.height;
    if (box && out.height <= 0) out.height = out.width * box_.height / box_.width;
    if (out.width <= 0 || out.height <= 0) return std::nullopt;
    return out;
  }

 private:
  // Librsvg takes sides from there too.
  static bool sets_sides(std::string_view css) noexcept {
    return css.find("width") != std::string_view::npos ||
           css.find("height") != std::string_view::npos;
  }
  void read_box(std::string_view text) noexcept {
    constexpr std::string_view kBetween = " ,\t\r\n";
    double values[4] = {};
    for (double& value : values) {
      text.remove_prefix(std::min(text.find_first_not_of(kBetween), text.size()));
      const std::string_view word = text.substr(0, text.find_first_of(kBetween));
      value = number(word);
      text.remove_prefix(word.size());
    }
    box_ = {values[2], values[3]};
  }

  SvgParser* parser_ = nullptr;
  SvgRootSize size_, box_;
  bool styled_ = false;
};

}  // namespace

std::optional<SvgRootSize> svg_root_size(ByteSpan source) {
  Root root;
  const StopFlag never;
  SvgWork work(never);
  SvgParser parser(&root, &work);
  root.attach(&parser);
  parser.run_utf8(source.first(std::min(source.size(), kHeadBytes)));
  return root.size();
}

}  // namespace imgring::svg
