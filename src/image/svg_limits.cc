// What an SVG may ask of the rasteriser (hardening.md 5). Malformed markup is no limit: the
// rasteriser says that in its own words.
#include <algorithm>
#include <cmath>

#include "byte_reader.h"
#include "imgring/image/loader.h"
#include "imgring/image/sniff.h"
#include "imgring/image/svg.h"
#include "row_puller.h"
#include "svg_parser.h"

namespace imgring::image {
namespace {

constexpr std::size_t kElementTextBytesMax = 64 * 1024, kTextBytesMax = 256 * 1024;
constexpr double kOctavesMax = 10, kOrderMax = 15, kDeviationMax = 500;
// FreeType fails above that, and libvips 8.14 then ends the process in an assertion.
constexpr double kFontSizeMax = 100'000;
constexpr int kPrimitivesMax = 100, kMarkerVerticesMax = 5'000;
constexpr std::string_view kGzipStart = "\x1f\x8b";
// Each selector of a style sheet is tried on each element: 20 million take about a second.
constexpr std::size_t kSelectorTrialsMax = 20'000'000;

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

// The bytes of a data: link, as a rasteriser reads it; none for other links.
std::string linked_bytes(std::string_view value) {
  std::string link;
  for (const char c : value) {
    if (static_cast<unsigned char>(c) > 0x20) link.push_back(c);
  }
  const std::size_t comma = link.find(',');
  if (comma == std::string::npos || !to_lower(link.substr(0, 5)).starts_with("data:")) return {};
  const std::string plain = percent_decode(std::string_view(link).substr(comma + 1)).value_or("");
  if (!to_lower(link.substr(0, comma)).ends_with(";base64")) return plain;
  return base64_decode(plain).value_or("");
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

// What all parts of one file may take together.
struct Allowance {
  SvgWork* work;
  std::int64_t pixels;
  int nested;  // levels of SVGs inside
};

Result<void> check_within(ByteSpan source, Allowance* left);

class Limits : public SvgHandler {
 public:
  explicit Limits(Allowance* left) noexcept : left_(left) {}
  void attach(SvgParser* parser) noexcept { parser_ = parser; }

  // The rasteriser applies what the document type adds, so that counts too.
  void on_start(const SvgTag& tag) override {
    const std::string_view local = local_of(tag.name);
    const bool marked = has_markers(tag.all) ||
                        (!element_text_.empty() && element_text_.back().marked);
    element_text_.push_back({0, marked, local != "style" && local != "metadata", local == "style"});
    ++elements_;
    check_trials();
    const bool primitive = local.starts_with("fe") && !local.starts_with("feFunc") &&
                           local != "feMergeNode" && !local.ends_with("Light");
    if (primitive && ++primitives_ > kPrimitivesMax) {
      return parser_->refuse("more than 100 filter primitives");
    }
    for (const SvgAttribute& a : tag.all) {
      if (a.name == "font-size" && largest_number(a.value) > kFontSizeMax)
        return parser_->refuse("font-size over its limit");
      for (const NumberLimit& limit : kNumberLimits) {
        if (limit.element != local || limit.attribute != a.name) continue;
        if (largest_number(a.value) > limit.max) {
          return parser_->refuse(std::string(a.name) + " over its limit");
        }
      }
      if (marked || sheet_marks_) count_markers(a);
      const bool link = a.name == "href" || a.name == "xlink:href";
      if (link && (local == "image" || local == "feImage")) check_picture(linked_bytes(a.value));
    }
  }
  void on_end(std::string_view) override { element_text_.pop_back(); }
  void on_text(std::string_view text, std::string_view) override {
    // Style sheets (with fonts inside), metadata and white space are no text a rasteriser lays out.
    if (element_text_.empty()) return;
    if (element_text_.back().sheet) {
      selectors_ += std::count_if(text.begin(), text.end(), [](char c) {
        return c == '{' || c == ',';
      });
      sheet_marks_ = sheet_marks_ || text.find("marker") != std::string_view::npos;
      return check_trials();
    }
    if (!element_text_.back().laid_out) return;
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return;
    element_text_.back().size_bytes += text.size();
    text_ += text.size();
    if (element_text_.back().size_bytes > kElementTextBytesMax) {
      return parser_->refuse("text over 64 KiB");
    }
    if (text_ > kTextBytesMax) parser_->refuse("text over 256 KiB in all");
  }

 private:
  void check_trials() {
    if (elements_ * selectors_ > kSelectorTrialsMax) parser_->refuse("too many rules of style");
  }
  // Rasterisers decode pictures whole, whatever they are for.
  void check_picture(const std::string& bytes) {
    const ImageType type = detect_type(as_bytes(bytes), {}, {});
    if (type == ImageType::kSvg) {
      if (--left_->nested < 0) return parser_->refuse("SVGs inside SVGs");
      if (!check_within(as_bytes(bytes), left_))
        return parser_->refuse("the SVG inside is over a limit");
    }
    if (bytes.starts_with(kGzipStart)) return parser_->refuse("a packed picture inside");
    if (!can_load(type)) return;
    const auto picture = load(as_bytes(bytes), type, LoadParams{});
    if (!picture) return parser_->refuse("the picture inside is broken or over a limit");
    std::int64_t width = vips_image_get_width(picture->get());
    std::int64_t height = vips_image_get_height(picture->get());
    if (type == ImageType::kGif) {
      // libvips may take the size of the first frame; the rasteriser's loader believes the canvas.
      width = std::max<std::int64_t>(width, read_le(as_bytes(bytes), 6, 2).value_or(0));
      height = std::max<std::int64_t>(height, read_le(as_bytes(bytes), 8, 2).value_or(0));
    }
    left_->pixels -= width * height;
    if (left_->pixels < 0) parser_->refuse("pictures inside with too many pixels");
  }
  static bool has_markers(std::span<const SvgAttribute> attributes) {
    return std::any_of(attributes.begin(), attributes.end(), [](const SvgAttribute& m) {
      return m.name.starts_with("marker-") || m.name == "marker" ||
             (m.name == "style" && m.value.find("marker") != std::string_view::npos);
    });
  }
  // A marker is drawn at every vertex; numbers of the outline bound their count.
  void count_markers(const SvgAttribute& a) {
    if (a.name != "d" && a.name != "points") return;
    const auto separators = std::count_if(a.value.begin(), a.value.end(), [](char c) {
      return c == ' ' || c == ',' || c == '-' || c == '\n';
    });
    if (separators / 2 > kMarkerVerticesMax) parser_->refuse("more than 5000 markers on a path");
  }

  Allowance* left_;
  SvgParser* parser_ = nullptr;
  bool sheet_marks_ = false;
  struct ElementText {
    std::size_t size_bytes;
    bool marked;
    bool laid_out;
    bool sheet;
  };
  std::vector<ElementText> element_text_;
  std::size_t text_ = 0, elements_ = 0, selectors_ = 0;
  int primitives_ = 0;
};

Result<void> check_within(ByteSpan source, Allowance* left) {
  Limits limits(left);
  SvgParser parser(&limits, left->work);
  limits.attach(&parser);
  const SvgParser::Outcome outcome = parser.run(source);
  if (outcome == SvgParser::Outcome::kStopped) {
    return std::unexpected(stop_error(left->work->reason()));
  }
  if (outcome != SvgParser::Outcome::kOverLimit) return {};
  return fail(ErrorCode::kBrokenSvg, "SVG: " + parser.why());
}

}  // namespace

Result<void> check_svg_limits(ByteSpan source, std::int64_t pixels_max, SvgWork* work) {
  constexpr int kNestedMax = 16;
  Allowance left{work, pixels_max > 0 ? pixels_max : kSvgPixelsMaxOtherwise, kNestedMax};
  return check_within(source, &left);
}

Result<void> check_svg_limits(ByteSpan source, std::int64_t pixels_max) {
  const StopFlag never;
  SvgWork work(never);
  return check_svg_limits(source, pixels_max, &work);
}

}  // namespace imgring::image
