// The allow-list sanitiser. Copies the bytes of what it knows to be harmless, in one pass over the
// tags. Comments, CDATA, document types, processing instructions and entities are never written
// out: `<` stands before the name of a kept element and nowhere else, so that no parser, XML's or
// HTML's, finds a tag that was not looked at.
#include "sanitizer.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "css.h"
#include "imgring/svg/data.h"
#include "imgring/svg/parser.h"
#include "imgring/svg/svg.h"
#include "imgring/svg/tag_walk.h"
#include "links.h"
#include "names.h"
#include "namespaces.h"

namespace imgring::svg {
namespace {

// Every element inside copies and writes them again: 200 000 elements with 32 take 0.3 s, 240
// inside each other with 2 MB took 530 MB. Namespaces that people write are a hundred bytes long.
constexpr std::size_t kHandedDownMax = 32;
constexpr std::size_t kHandedDownBytesMax = 4 << 10;
constexpr std::string_view kSvgNamespace = "http://www.w3.org/2000/svg";
constexpr std::string_view kHtmlNamespace = "http://www.w3.org/1999/xhtml";
constexpr std::string_view kXlinkNamespace = "http://www.w3.org/1999/xlink";

std::string_view local_of(std::string_view name) noexcept {
  return name.substr(name.rfind(':') + 1);
}
std::string_view prefix_of(std::string_view name) noexcept {
  const std::size_t colon = name.find(':');
  return colon == std::string_view::npos ? std::string_view{} : name.substr(0, colon);
}
bool declares_namespace(std::string_view name) noexcept {
  return name == "xmlns" || name.starts_with("xmlns:");
}

// Markup that cannot be mistaken for text or the other way round, in XML and in HTML.
std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out.push_back(c);
  }
  return out;
}

// An animation of a link or a handler sets what the attribute rules would not let through.
bool animates_links(std::span<const SvgAttribute> attributes) {
  for (const SvgAttribute& attribute : attributes) {
    if (local_of(attribute.name) != "attributeName") continue;
    const std::string target = to_lower(link_without_spaces(attribute.value));
    const std::string_view local = local_of(target);
    if (local == "href" || local.starts_with("on")) return true;
  }
  return false;
}

// Runs, opens or fetches something in whatever namespace it says it is: HTML reads no namespaces.
bool is_active_element(std::string_view lower) {
  for (const std::string_view active :
       {"applet", "audio", "base", "embed", "form", "frame", "frameset", "handler", "iframe",
        "link", "listener", "meta", "object", "script", "video"}) {
    if (lower == active) return true;
  }
  return false;
}

enum class Fate : unsigned char { kKept, kUnwrapped, kGone };

// `value`: what is written instead of the bytes that stand there.
struct AttributeFate {
  bool stays = false;
  std::optional<std::string> value;
};

class Sanitizer : public SvgHandler {
 public:
  Sanitizer(SvgWork* work, int depth)
      : work_(work), links_(work, depth),
        address_([this](std::string_view value) { return links_.address(value); }) {}
  void attach(SvgParser* parser) noexcept { parser_ = parser; }

  // What the document type adds goes with it, so nothing may be decided by that; but namespaces,
  // which are written out.
  void on_start(const SvgTag& tag) override {
    ++depth_;
    if (skipped_from_ != 0) return;
    const std::uint64_t before = scopes_.looked_at();
    collect_declarations(tag);
    scopes_.enter(tag.all);
    const Fate fate = fate_of(tag);
    if (fate == Fate::kKept) keep_element(tag);
    if (fate == Fate::kUnwrapped) unwrap_element(tag);
    if (fate == Fate::kGone) {
      skipped_from_ = depth_;
      scopes_.leave();
    }
    parser_->spend(static_cast<std::size_t>(scopes_.looked_at() - before));
  }

  void on_end(std::string_view) override {
    if (skipped_from_ == 0) close_element();
    if (skipped_from_ == depth_) skipped_from_ = 0;
    --depth_;
  }

  // Text of CDATA is escaped: markup in it must not become tags where nobody knows CDATA.
  void on_text(std::string_view text, std::string_view raw) override {
    if (skipped_from_ != 0 || open_.empty()) return;
    if (style_from_ != 0) css_ += text;
    std::string& to = style_from_ != 0 ? css_raw_ : out_;
    const bool reference = !in_cdata_ && raw.starts_with('&') && needs_document_type(raw);
    if (reference) {
      to += html_escape(text);
    } else if (in_cdata_) {
      to += escaped(text);
    } else {
      to += raw;
    }
    check_size();
  }
  void on_cdata(bool begins) override { in_cdata_ = begins; }
  void on_declaration(std::string_view raw) override {
    out_ += raw;
    out_ += '\n';
  }

  // Elements left open at the end are closed.
  std::string take() {
    while (!open_.empty()) close_element();
    return std::move(out_);
  }
  bool found_root() const noexcept { return found_root_; }

 private:
  using Declarations = std::vector<std::pair<std::string, std::string>>;
  struct Open {
    std::string name;
    bool closed;               // written as <x/>, or not at all
    Declarations handed_down;  // of namespaces, for the elements inside one that is not written
  };

  void check_size() {
    if (out_.size() + css_raw_.size() > kSvgCleanBytesMax) {
      parser_->refuse("larger than 20 MiB when sanitised");
    }
  }
  // Of namespaces, that the tag itself does not write: those of elements around it that were
  // unwrapped, and those of the document type.
  void collect_declarations(const SvgTag& tag) {
    declarations_.clear();
    if (!open_.empty()) declarations_ = open_.back().handed_down;
    for (std::size_t i = 0; i < tag.all.size(); ++i) {
      const SvgAttribute& a = tag.all[i];
      if (!declares_namespace(a.name)) continue;
      std::erase_if(declarations_, [&a](const auto& d) { return d.first == a.name; });
      const std::string_view prefix = a.name == "xmlns" ? std::string_view() : local_of(a.name);
      const bool typed = i >= tag.written.size() && scopes_.of(prefix) != a.value;
      if (typed) declarations_.emplace_back(a.name, a.value);
    }
  }

  // The elements inside declare what this one did.
  void unwrap_element(const SvgTag& tag) {
    for (const SvgAttribute& a : tag.written) {
      if (declares_namespace(a.name)) declarations_.emplace_back(a.name, a.value);
    }
    if (declarations_.size() > kHandedDownMax) {
      return parser_->refuse("more than 32 namespaces of elements that do not stay");
    }
    std::size_t size_bytes = 0;
    for (const auto& [name, value] : declarations_) size_bytes += name.size() + value.size();
    if (size_bytes > kHandedDownBytesMax) {
      return parser_->refuse("over 4 KiB of namespaces of elements that do not stay");
    }
    open_.push_back({{}, true, std::move(declarations_)});
  }

  void keep_element(const SvgTag& tag) {
    const std::string_view local = local_of(tag.name);
    if (local == "foreignObject" && foreign_from_ == 0) foreign_from_ = depth_;
    if (to_lower(local) == "style") {  // as a parser of HTML reads it
      style_from_ = depth_;
      css_.clear();
      css_raw_.clear();
    }
    const bool closed = put_tag(local, tag);
    check_size();
    open_.push_back({std::string(tag.name), closed, {}});
  }

  Fate fate_of(const SvgTag& tag) {
    const std::string_view local = local_of(tag.name), uri = scopes_.of(prefix_of(tag.name));
    if (style_from_ != 0 || is_active_element(to_lower(local))) return Fate::kGone;
    if (animates_links(tag.written)) return Fate::kGone;
    if (is_inert_namespace(uri)) return Fate::kKept;
    if (foreign_from_ != 0) return fate_of_label(local, uri);
    // Unprefixed names count as SVG even without a namespace: viewers are forgiving, and so is
    // imgproxy.
    if (uri != kSvgNamespace && !uri.empty()) return Fate::kGone;
    if (!is_svg_element(local)) return Fate::kGone;
    if (local == "svg") found_root_ = true;
    return Fate::kKept;
  }
  // Markup of labels: what is unknown runs nothing, and its text is what people read.
  static Fate fate_of_label(std::string_view local, std::string_view uri) {
    if (is_text_element(local)) return Fate::kKept;
    const bool page = uri == kHtmlNamespace;
    if (page && (local == "a" || local == "style" || local == "title")) return Fate::kKept;
    const bool drawing = uri == kSvgNamespace || uri.empty();
    return drawing && is_svg_element(local) ? Fate::kKept : Fate::kUnwrapped;
  }

  AttributeFate fate_of_link(std::string_view element, const SvgAttribute& a) {
    const std::optional<std::string> to = links_.link(element, a.value);
    if (!to) return {};
    if (*to == a.value) return {true, std::nullopt};
    return {true, to};
  }
  AttributeFate fate_of_style(const SvgAttribute& a) {
    const auto css = sanitize_css(a.value, CssPart::kDeclarations, address_, work_);
    parser_->spend(0);  // it may have ended there
    if (!css) return {true, std::nullopt};
    const bool empty = css->find_first_not_of(" \t\r\n;") == std::string::npos;
    return {!empty, css};
  }

  AttributeFate fate_of(std::string_view element, const SvgAttribute& a) {
    constexpr AttributeFate kStays{true, std::nullopt};
    if (declares_namespace(a.name)) return kStays;
    const std::string_view prefix = prefix_of(a.name), local = local_of(a.name);
    const std::string lower = to_lower(local);
    if (lower.starts_with("on")) return {};
    if (lower == "href") {
      const AttributeFate fate = fate_of_link(element, a);
      if (!fate.stays || local == lower) return fate;
    }
    if (prefix == "xml") {
      return {local == "space" || local == "lang" || local == "id", std::nullopt};
    }
    if (!prefix.empty()) {
      const std::string_view uri = scopes_.of(prefix);
      return {uri == kXlinkNamespace || is_inert_namespace(uri), std::nullopt};
    }
    if (!is_svg_attribute(local)) return {};
    if (local == "style") return fate_of_style(a);
    if (is_address_attribute(local)) return fate_of_style(a);
    return {!names_javascript(a.value), std::nullopt};
  }

  // True when the tag was written closed.
  bool put_tag(std::string_view element, const SvgTag& tag) {
    TagWalk walk(tag.raw);
    const std::string lower = to_lower(element);
    out_ += walk.name_part();
    for (const SvgAttribute& a : tag.written) {
      const auto part = walk.next();
      if (!part || part->name != a.name) break;
      const AttributeFate fate = fate_of(lower, a);
      if (fate.stays) put_attribute(*part, a, fate);
    }
    while (walk.next()) {
    }
    for (const auto& [name, value] : declarations_) put_value(name, value);
    out_ += walk.tail();
    return tag.raw.ends_with("/>");
  }
  void put_attribute(const RawAttribute& raw, const SvgAttribute& a, const AttributeFate& fate) {
    if (fate.value) return put_value(a.name, *fate.value);
    if (needs_document_type(raw.value)) return put_value(a.name, a.value);
    out_ += raw.whole;
  }
  void put_value(std::string_view name, std::string_view value) {
    out_ += ' ';
    out_ += name;
    out_ += "=\"";
    out_ += html_escape(value);
    out_ += '"';
  }

  void close_element() {
    if (style_from_ == static_cast<int>(open_depth())) {
      const auto css = sanitize_css(css_, CssPart::kSheet, address_, work_);
      parser_->spend(0);  // it may have ended there
      out_ += css ? escaped(*css) : css_raw_;
      style_from_ = 0;
    }
    if (foreign_from_ == static_cast<int>(open_depth())) foreign_from_ = 0;
    if (!open_.back().closed) out_ += "</" + open_.back().name + ">";
    open_.pop_back();
    scopes_.leave();
  }
  // Depth of the innermost element that was not skipped: nothing lies below one that was.
  std::size_t open_depth() const noexcept { return open_.size(); }

  SvgWork* work_;
  std::string out_, css_, css_raw_;
  std::vector<Open> open_;
  Declarations declarations_;  // that the tag at hand does not write itself
  SvgNamespaces scopes_;
  SvgLinks links_;
  CssAddress address_;
  SvgParser* parser_ = nullptr;
  int depth_ = 0, skipped_from_ = 0, foreign_from_ = 0, style_from_ = 0;
  bool in_cdata_ = false, found_root_ = false;
};

}  // namespace

Result<std::string> sanitize_svg_inside(ByteSpan source, SvgWork* work, int depth) {
  Sanitizer sanitizer(work, depth);
  SvgParser parser(&sanitizer, work);
  sanitizer.attach(&parser);
  const SvgParser::Outcome outcome = parser.run(source);
  if (outcome == SvgParser::Outcome::kStopped) return std::unexpected(stop_error(work->reason()));
  const bool usable =
      outcome == SvgParser::Outcome::kDone || outcome == SvgParser::Outcome::kUnclosed;
  if (!usable) {
    const bool shortage = parser.out_of_memory();
    return fail(shortage ? ErrorCode::kOverloaded : ErrorCode::kBrokenSvg, "SVG: " + parser.why());
  }
  std::string out = sanitizer.take();
  if (!sanitizer.found_root()) return fail(ErrorCode::kBrokenSvg, "SVG: no svg element");
  return out;
}

Result<std::string> sanitize_svg(ByteSpan source, SvgWork* work) {
  return sanitize_svg_inside(source, work, 0);
}

Result<std::string> sanitize_svg(ByteSpan source, const StopFlag& stop) {
  SvgWork work(stop);
  return sanitize_svg(source, &work);
}

}  // namespace imgring::svg
