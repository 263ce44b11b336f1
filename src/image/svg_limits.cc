// What an SVG may ask of the rasteriser (hardening.md 5). Malformed markup is no limit: the
// rasteriser says that in its own words.
#include <algorithm>
#include <cmath>

#include "imgring/image/svg.h"
#include "svg_parser.h"

namespace imgring::image {
namespace {

constexpr std::size_t kElementTextBytesMax = 64 * 1024, kTextBytesMax = 256 * 1024;
constexpr double kOctavesMax = 10, kOrderMax = 15, kDeviationMax = 500;
constexpr int kPrimitivesMax = 100, kMarkerVerticesMax = 5'000;

std::string_view local_of(std::string_view name) noexcept {
  return name.substr(name.rfind(':') + 1);
}

// The largest of a list of numbers ("3 5"); 0 when there is none.
double largest_number(std::string_view text) {
  double largest = 0;
  while (!text.empty()) {
    const std::size_t start = text.find_first_not_of(" ,\t\r\n");
    if (start == std::string_view::npos) break;
    text.remove_prefix(start);
    const std::string_view word = text.substr(0, text.find_first_of(" ,\t\r\n"));
    text.remove_prefix(word.size());
    largest = std::max(largest, parse_float(word).value_or(0));
  }
  return largest;
}

struct NumberLimit {
  std::string_view element, attribute;
  double max;
};
constexpr NumberLimit kNumberLimits[] = {
    {"feTurbulence", "numOctaves", kOctavesMax},
    {"feConvolveMatrix", "order", kOrderMax},
    {"feGaussianBlur", "stdDeviation", kDeviationMax},
    {"feDropShadow", "stdDeviation", kDeviationMax},
    {"feMorphology", "radius", kDeviationMax},
};

class Limits : public SvgHandler {
 public:
  void attach(SvgParser* parser) noexcept { parser_ = parser; }

  void on_start(std::string_view name, const std::vector<SvgAttribute>& attributes,
                std::string_view) override {
    const std::string_view local = local_of(name);
    element_text_.push_back({0, local != "style" && local != "metadata"});
    const bool primitive = local.starts_with("fe") && !local.starts_with("feFunc") &&
                           local != "feMergeNode" && !local.ends_with("Light");
    if (primitive && ++primitives_ > kPrimitivesMax) {
      return parser_->refuse("more than 100 filter primitives");
    }
    for (const SvgAttribute& a : attributes) {
      for (const NumberLimit& limit : kNumberLimits) {
        if (limit.element != local || limit.attribute != a.name) continue;
        if (largest_number(a.value) > limit.max) {
          return parser_->refuse(std::string(a.name) + " over its limit");
        }
      }
      count_markers(a, attributes);
    }
  }
  void on_end(std::string_view) override { element_text_.pop_back(); }
  void on_text(std::string_view text, std::string_view) override {
    // Style sheets (with fonts inside), metadata and white space are no text a rasteriser lays out.
    if (element_text_.empty() || !element_text_.back().laid_out) return;
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return;
    element_text_.back().size_bytes += text.size();
    text_ += text.size();
    if (element_text_.back().size_bytes > kElementTextBytesMax) {
      return parser_->refuse("text over 64 KiB");
    }
    if (text_ > kTextBytesMax) parser_->refuse("text over 256 KiB in all");
  }

 private:
  // A marker is drawn at every vertex; numbers of the outline bound their count.
  void count_markers(const SvgAttribute& a, const std::vector<SvgAttribute>& attributes) {
    if (a.name != "d" && a.name != "points") return;
    const auto has_marker = [](const SvgAttribute& m) {
      return m.name.starts_with("marker") ||
             (m.name == "style" && m.value.find("marker") != std::string_view::npos);
    };
    const bool marked = std::any_of(attributes.begin(), attributes.end(), has_marker);
    if (!marked) return;
    const auto separators = std::count_if(a.value.begin(), a.value.end(), [](char c) {
      return c == ' ' || c == ',' || c == '-' || c == '\n';
    });
    if (separators / 2 > kMarkerVerticesMax) parser_->refuse("more than 5000 markers on a path");
  }

  SvgParser* parser_ = nullptr;
  struct ElementText {
    std::size_t size_bytes;
    bool laid_out;
  };
  std::vector<ElementText> element_text_;
  std::size_t text_ = 0;
  int primitives_ = 0;
};

}  // namespace

Result<void> check_svg_limits(ByteSpan source) {
  Limits limits;
  SvgParser parser(&limits);
  limits.attach(&parser);
  if (parser.run(source) == SvgParser::Outcome::kOverLimit) {
    return fail(ErrorCode::kBrokenSvg, "SVG: " + parser.why());
  }
  return {};
}

}  // namespace imgring::image
