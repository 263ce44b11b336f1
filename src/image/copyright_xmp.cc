// An XMP packet is RDF: xmpmeta > RDF > Description > properties (elements or attributes). The
// frame stays, of the properties only those that name rights; their content is written as it is.
#include <expat.h>

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "copyright.h"

namespace imgring::image {
namespace {

constexpr std::size_t kPacketBytesMax = std::size_t{4} << 20;
constexpr std::size_t kOutputBytesMax = std::size_t{8} << 20;
constexpr int kDepthMax = 64;
constexpr std::string_view kRdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
constexpr std::string_view kMeta = "adobe:ns:meta/";
constexpr std::string_view kDc = "http://purl.org/dc/elements/1.1/";
constexpr std::string_view kXmpRights = "http://ns.adobe.com/xap/1.0/rights/";
constexpr std::string_view kCc = "http://creativecommons.org/ns#";

struct Name {
  std::string uri, local;
};

bool names_rights(const Name& name) noexcept {
  if (name.uri == kXmpRights || name.uri == kCc) return true;
  return name.uri == kDc && (name.local == "rights" || name.local == "contributor" ||
                             name.local == "creator" || name.local == "publisher");
}
bool is_frame(const Name& name) noexcept {
  return (name.uri == kMeta && (name.local == "xmpmeta" || name.local == "xapmeta")) ||
         (name.uri == kRdf && (name.local == "RDF" || name.local == "Description"));
}

class Filter {
 public:
  explicit Filter(XML_Parser parser) noexcept : parser_(parser) {}

  void start(std::string_view qualified, const char** attributes) {
    if (++depth_ > kDepthMax || out_.size() > kOutputBytesMax) return stop();
    push_namespaces(attributes);
    if (skipped_from_ != 0) return;
    const Name name = resolve(qualified, true);
    const bool inside = kept_from_ != 0;
    if (!inside && !is_frame(name)) {
      if (!names_rights(name)) {
        skipped_from_ = depth_;
        return;
      }
      kept_from_ = depth_;
      found_ = true;
    }
    out_ += '<';
    out_ += qualified;
    for (const char** a = attributes; *a != nullptr; a += 2) {
      if (inside || kept_from_ != 0 || attribute_stays(a[0])) put_attribute(a[0], a[1]);
    }
    out_ += '>';
  }

  void end(std::string_view qualified) {
    if (skipped_from_ == 0) {
      out_ += "</";
      out_ += qualified;
      out_ += '>';
    }
    if (skipped_from_ == depth_) skipped_from_ = 0;
    if (kept_from_ == depth_) kept_from_ = 0;
    scopes_.pop_back();
    --depth_;
  }

  void text(std::string_view data) {
    if (kept_from_ != 0 && skipped_from_ == 0) put_escaped(data);
  }
  void stop() { XML_StopParser(parser_, XML_FALSE); }

  std::string take() {
    if (!found_) return {};
    return "<?xpacket begin=\"\xEF\xBB\xBF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>" + out_ +
           "<?xpacket end=\"w\"?>";
  }

 private:
  void push_namespaces(const char** attributes) {
    scopes_.emplace_back();
    for (const char** a = attributes; *a != nullptr; a += 2) {
      const std::string_view name = a[0];
      if (name == "xmlns") scopes_.back()[""] = a[1];
      if (name.starts_with("xmlns:")) scopes_.back()[std::string(name.substr(6))] = a[1];
    }
  }
  Name resolve(std::string_view qualified, bool with_default) const {
    const std::size_t colon = qualified.find(':');
    const std::string prefix(colon == std::string_view::npos ? "" : qualified.substr(0, colon));
    Name name{
        "", std::string(colon == std::string_view::npos ? qualified : qualified.substr(colon + 1))};
    if (prefix.empty() && !with_default) return name;
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
      const auto found = scope->find(prefix);
      if (found == scope->end()) continue;
      name.uri = found->second;
      break;
    }
    return name;
  }
  // Of the frame's attributes: namespace declarations, what RDF itself needs, and rights.
  bool attribute_stays(std::string_view qualified) {
    if (qualified == "xmlns" || qualified.starts_with("xmlns:")) return true;
    const Name name = resolve(qualified, false);
    if (name.uri == kRdf) return true;
    if (!names_rights(name)) return false;
    found_ = true;
    return true;
  }
  void put_attribute(std::string_view name, std::string_view value) {
    out_ += ' ';
    out_ += name;
    out_ += "=\"";
    put_escaped(value);
    out_ += '"';
  }
  void put_escaped(std::string_view text) { out_ += html_escape(text); }

  XML_Parser parser_;
  std::string out_;
  std::vector<std::map<std::string, std::string>> scopes_;
  int depth_ = 0, skipped_from_ = 0, kept_from_ = 0;
  bool found_ = false;
};

void on_start(void* data, const char* name, const char** attributes) {
  static_cast<Filter*>(data)->start(name, attributes);
}
void on_end(void* data, const char* name) { static_cast<Filter*>(data)->end(name); }
void on_text(void* data, const char* text, int size) {
  static_cast<Filter*>(data)->text({text, static_cast<std::size_t>(size)});
}
// No packet needs a document type; what brings one is not looked at further.
void on_doctype(void* data, const char*, const char*, const char*, int) {
  static_cast<Filter*>(data)->stop();
}

struct FreeParser {
  void operator()(XML_Parser p) const noexcept { XML_ParserFree(p); }
};
using ParserPtr = std::unique_ptr<std::remove_pointer_t<XML_Parser>, FreeParser>;

}  // namespace

std::string copyright_of_xmp(ByteSpan packet) {
  if (packet.empty() || packet.size() > kPacketBytesMax) return {};
  const ParserPtr parser(XML_ParserCreate(nullptr));
  if (parser == nullptr) return {};
  Filter filter(parser.get());
  XML_SetUserData(parser.get(), &filter);
  XML_SetElementHandler(parser.get(), on_start, on_end);
  XML_SetCharacterDataHandler(parser.get(), on_text);
  XML_SetStartDoctypeDeclHandler(parser.get(), on_doctype);
  // Writers pad packets, some with NULs behind the end.
  std::string_view text = as_text(packet);
  while (!text.empty() && text.back() == '\0') text.remove_suffix(1);
  if (XML_Parse(parser.get(), text.data(), static_cast<int>(text.size()), 1) != XML_STATUS_OK) {
    return {};
  }
  return filter.take();
}

}  // namespace imgring::image
