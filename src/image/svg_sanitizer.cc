// The allow-list sanitiser. Copies the bytes of what it knows to be harmless, in one pass over the
// tags. Comments, CDATA, document types, processing instructions and entities are never written
// out: `<` stands before the name of a kept element and nowhere else, so that no parser, XML's or
// HTML's, finds a tag that was not looked at.
#include <algorithm>
#include <optional>

#include "imgring/image/svg.h"
#include "row_puller.h"
#include "svg_names.h"
#include "svg_namespaces.h"
#include "svg_parser.h"

namespace imgring::image {
namespace {

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
// Markup that cannot be mistaken for text or the other way round, in XML and in HTML.
std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else out.push_back(c);
  }
  return out;
}
bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// As a browser reads a link: without controls and spaces, in lower case.
std::string plain_link(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (static_cast<unsigned char>(c) > 0x20) out.push_back(c);
  }
  return to_lower(out);
}

bool has_scheme(std::string_view link) noexcept {
  const std::size_t end = link.find_first_of(":/?#\\");
  return end != std::string_view::npos && link[end] == ':';
}

bool is_picture_data(std::string_view link) noexcept {
  constexpr std::string_view kStart = "data:image/";
  if (!link.starts_with(kStart)) return false;
  link.remove_prefix(kStart.size());
  for (const std::string_view type : {"png", "jpeg", "jpg", "gif", "webp", "avif"}) {
    if (!link.starts_with(type)) continue;
    const std::string_view rest = link.substr(type.size());
    return rest.empty() || rest[0] == ';' || rest[0] == ',';
  }
  return false;
}

// `element` in lower case, as HTML reads it.
bool link_stays(std::string_view element, std::string_view value) {
  const std::string link = plain_link(value);
  if (link.empty() || link[0] == '#') return true;
  if (element == "use") return false;
  if (link.starts_with("http:") || link.starts_with("https:")) return true;
  if ((element == "image" || element == "feimage") && is_picture_data(link)) return true;
  return !has_scheme(link);
}

// Style text that reaches outside or runs something. Escapes could hide such words, so they count
// too.
bool style_stays(std::string_view css) {
  const std::string plain = plain_link(css);
  for (const std::string_view bad :
       {"@import", "javascript:", "vbscript:", "expression(", "-moz-binding", "behavior:", "\\"}) {
    if (plain.find(bad) != std::string::npos) return false;
  }
  return true;
}

// An animation of a link or a handler sets what the attribute rules would not let through.
bool animates_links(std::span<const SvgAttribute> attributes) {
  for (const SvgAttribute& attribute : attributes) {
    if (local_of(attribute.name) != "attributeName") continue;
    const std::string target = plain_link(attribute.value);
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

struct RawAttribute {
  std::string_view whole, name, value;  // whole: with the space before it; value: without quotes
};

// Walks over the attributes of a tag that expat has found well-formed.
class TagWalk {
 public:
  explicit TagWalk(std::string_view tag) noexcept : tag_(tag) {
    while (at_ < tag_.size() && !is_space(tag_[at_]) && tag_[at_] != '>' && tag_[at_] != '/') ++at_;
  }
  std::string_view name_part() const noexcept { return tag_.substr(0, at_); }
  std::optional<RawAttribute> next() noexcept {
    const std::size_t first = at_;
    std::size_t i = skip_spaces(first);
    if (i >= tag_.size() || tag_[i] == '/' || tag_[i] == '>') return std::nullopt;
    const std::size_t name_at = i;
    while (i < tag_.size() && !is_space(tag_[i]) && tag_[i] != '=') ++i;
    const std::string_view name = tag_.substr(name_at, i - name_at);
    i = tag_.find_first_of("\"'", i);
    if (i == std::string_view::npos) return std::nullopt;
    const std::size_t end = tag_.find(tag_[i], i + 1);
    if (end == std::string_view::npos) return std::nullopt;
    at_ = end + 1;
    return RawAttribute{tag_.substr(first, at_ - first), name, tag_.substr(i + 1, end - i - 1)};
  }
  std::string_view tail() const noexcept { return tag_.substr(at_); }

 private:
  std::size_t skip_spaces(std::size_t i) const noexcept {
    while (i < tag_.size() && is_space(tag_[i])) ++i;
    return i;
  }
  std::string_view tag_;
  std::size_t at_ = 1;  // after `<`
};

class Sanitizer : public SvgHandler {
 public:
  void attach(SvgParser* parser) noexcept { parser_ = parser; }

  // What the document type adds goes with it, so nothing may be decided by that.
  void on_start(const SvgTag& tag) override {
    ++depth_;
    if (skipped_from_ != 0) return;
    const std::uint64_t before = scopes_.looked_at();
    scopes_.enter(tag.written);
    if (element_stays(tag)) {
      keep_element(tag);
    } else {
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
  struct Open {
    std::string name;
    bool closed;  // written as <x/>
  };

  void check_size() {
    if (out_.size() + css_raw_.size() > kSvgCleanBytesMax) {
      parser_->refuse("larger than 20 MiB when sanitised");
    }
  }
  void keep_element(const SvgTag& tag) {
    const std::string_view local = local_of(tag.name);
    if (local == "foreignObject" && foreign_from_ == 0) foreign_from_ = depth_;
    if (local == "style") {
      style_from_ = depth_;
      css_.clear();
      css_raw_.clear();
    }
    const bool closed = put_tag(local, tag);
    check_size();
    open_.push_back({std::string(tag.name), closed});
  }

  bool element_stays(const SvgTag& tag) {
    const std::string_view local = local_of(tag.name), uri = scopes_.of(prefix_of(tag.name));
    if (style_from_ != 0 || is_active_element(to_lower(local))) return false;
    if (animates_links(tag.written)) return false;
    if (is_inert_namespace(uri)) return true;
    const bool foreign = foreign_from_ != 0;
    if (foreign && is_text_element(local)) return true;
    // Unprefixed names count as SVG even without a namespace: viewers are forgiving, and so is
    // imgproxy.
    if (uri == kHtmlNamespace || (uri != kSvgNamespace && !uri.empty())) return false;
    if (!is_svg_element(local)) return false;
    if (local == "svg") found_root_ = true;
    return true;
  }

  bool attribute_stays(std::string_view element, const SvgAttribute& a) const {
    if (a.name == "xmlns" || a.name.starts_with("xmlns:")) return true;
    const std::string_view prefix = prefix_of(a.name), local = local_of(a.name);
    const std::string lower = to_lower(local);
    if (lower.starts_with("on")) return false;
    if (lower == "href" && !link_stays(element, a.value)) return false;
    if (local == "href") return true;
    if (prefix == "xml") return local == "space" || local == "lang" || local == "id";
    if (!prefix.empty()) {
      const std::string_view uri = scopes_.of(prefix);
      return uri == kXlinkNamespace || is_inert_namespace(uri);
    }
    if (!is_svg_attribute(local)) return false;
    if (local == "style") return style_stays(a.value);
    return plain_link(a.value).find("javascript:") == std::string::npos;
  }

  // True when the tag was written closed.
  bool put_tag(std::string_view element, const SvgTag& tag) {
    TagWalk walk(tag.raw);
    const std::string lower = to_lower(element);
    out_ += walk.name_part();
    for (const SvgAttribute& a : tag.written) {
      const auto part = walk.next();
      if (!part || part->name != a.name) break;
      if (attribute_stays(lower, a)) put_attribute(*part, a);
    }
    while (walk.next()) {
    }
    out_ += walk.tail();
    return tag.raw.ends_with("/>");
  }
  void put_attribute(const RawAttribute& raw, const SvgAttribute& a) {
    if (!needs_document_type(raw.value)) {
      out_ += raw.whole;
      return;
    }
    out_ += ' ';
    out_ += a.name;
    out_ += "=\"";
    out_ += html_escape(a.value);
    out_ += '"';
  }

  void close_element() {
    if (style_from_ == static_cast<int>(open_depth())) {
      if (style_stays(css_)) out_ += css_raw_;
      style_from_ = 0;
    }
    if (foreign_from_ == static_cast<int>(open_depth())) foreign_from_ = 0;
    if (!open_.back().closed) out_ += "</" + open_.back().name + ">";
    open_.pop_back();
    scopes_.leave();
  }
  // Depth of the innermost kept element: nothing kept lies below a skipped one.
  std::size_t open_depth() const noexcept { return open_.size(); }

  std::string out_, css_, css_raw_;
  std::vector<Open> open_;
  SvgNamespaces scopes_;
  SvgParser* parser_ = nullptr;
  int depth_ = 0, skipped_from_ = 0, foreign_from_ = 0, style_from_ = 0;
  bool in_cdata_ = false, found_root_ = false;
};

}  // namespace

Result<std::string> sanitize_svg(ByteSpan source, SvgWork* work) {
  Sanitizer sanitizer;
  SvgParser parser(&sanitizer, work);
  sanitizer.attach(&parser);
  const SvgParser::Outcome outcome = parser.run(source);
  if (outcome == SvgParser::Outcome::kStopped) return std::unexpected(stop_error(work->reason()));
  const bool usable = outcome == SvgParser::Outcome::kDone ||
                      outcome == SvgParser::Outcome::kUnclosed;
  if (!usable) return fail(ErrorCode::kBrokenSvg, "SVG: " + parser.why());
  std::string out = sanitizer.take();
  if (!sanitizer.found_root()) return fail(ErrorCode::kBrokenSvg, "SVG: no svg element");
  return out;
}

Result<std::string> sanitize_svg(ByteSpan source, const StopFlag& stop) {
  SvgWork work(stop);
  return sanitize_svg(source, &work);
}

}  // namespace imgring::image
