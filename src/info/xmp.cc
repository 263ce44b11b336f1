// XMP is RDF: properties of rdf:Description as attributes or elements, whose values are texts,
// lists or structures. Expat without document types.
#include <expat.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "imgring/info/metadata.h"

namespace imgring::info {
namespace {

struct FreeParser {
  void operator()(XML_Parser parser) const noexcept { XML_ParserFree(parser); }
};
using ParserPtr = std::unique_ptr<std::remove_pointer_t<XML_Parser>, FreeParser>;

struct QName {
  std::string_view prefix, local;
};
QName qname_of(std::string_view name) noexcept {
  const std::size_t colon = name.find(':');
  if (colon == std::string_view::npos) return {{}, name};
  return {name.substr(0, colon), name.substr(colon + 1)};
}

// Names of RDF and XML by their usual prefixes, which XMP's specification asks for.
bool is_rdf(std::string_view name, std::string_view local) noexcept {
  const QName q = qname_of(name);
  return q.prefix == "rdf" && q.local == local;
}
bool is_syntax(std::string_view attribute) noexcept {
  const QName q = qname_of(attribute);
  return q.prefix == "rdf" || q.prefix == "xml" || q.prefix == "xmlns" || attribute == "xmlns";
}

// What an open element is to be.
enum class Role : std::uint8_t { kFrame, kDescription, kProperty, kList, kItem, kStructure };

struct Open {
  Role role = Role::kFrame;
  std::string name;
  std::string text;
  std::optional<Json> value;  // of a property or item: a list or structure inside
  bool alternatives = false;  // of a list: one is chosen
  bool is_default = false;    // of an item: its language is x-default
  bool default_chosen = false;
};

class XmpReader {
 public:
  explicit XmpReader(XML_Parser parser) noexcept : parser_(parser) {}

  void start(std::string_view name, const char** attributes) {
    if (static_cast<int>(open_.size()) >= kXmpDepthMax || ++values_ > kXmpValuesMax) return stop();
    Open next;
    next.name = name;
    next.role = role_of(name);
    if (next.role == Role::kList) {
      next.alternatives = is_rdf(name, "Alt");
      next.value = Json::array();
    }
    read_attributes(attributes, &next);
    open_.push_back(std::move(next));
  }

  void end() {
    Open done = std::move(open_.back());
    open_.pop_back();
    switch (done.role) {
      case Role::kFrame:
      case Role::kDescription: break;
      case Role::kProperty: put_property(done.name, value_of(done)); break;
      case Role::kItem: put_item(done); break;
      case Role::kList: hand_up(list_of(done)); break;
      case Role::kStructure: hand_up(done.value ? std::move(*done.value) : Json::object()); break;
    }
  }

  void text(std::string_view data) {
    if (!open_.empty()) open_.back().text += data;
  }
  void stop() {
    failed_ = true;
    XML_StopParser(parser_, XML_FALSE);
  }
  bool failed() const noexcept { return failed_; }
  Json take() { return std::move(out_); }

 private:
  Role role_of(std::string_view name) const noexcept {
    const Role parent = open_.empty() ? Role::kFrame : open_.back().role;
    switch (parent) {
      case Role::kFrame: return is_rdf(name, "Description") ? Role::kDescription : Role::kFrame;
      case Role::kDescription:
      case Role::kStructure: return Role::kProperty;
      case Role::kList: return Role::kItem;
      case Role::kProperty:
      case Role::kItem:
        // A structure whose fields stand in it without a Description is one, too.
        if (open_.back().value && open_.back().value->is_object()) return Role::kProperty;
        for (const char* list : {"Seq", "Bag", "Alt"}) {
          if (is_rdf(name, list)) return Role::kList;
        }
        return is_rdf(name, "Description") ? Role::kStructure : Role::kProperty;
    }
    return Role::kFrame;
  }

  // Simple properties as attributes; of others what they say of the value.
  void read_attributes(const char** attributes, Open* next) {
    for (const char** a = attributes; *a != nullptr; a += 2) {
      const std::string_view name = a[0], value = a[1];
      if (++values_ > kXmpValuesMax) return stop();
      if (name == "rdf:parseType" && value == "Resource") next->value = Json::object();
      if (name == "rdf:resource") next->text = value;
      if (name == "xml:lang") next->is_default = value == "x-default";
      if (is_syntax(name)) continue;
      if (next->role == Role::kDescription) {
        put_top(name, Json::text(value));
      } else if (next->role != Role::kFrame && next->role != Role::kList) {
        if (!next->value) next->value = Json::object();
        next->value->set(qname_of(name).local, Json::text(value));
      }
    }
  }

  static Json value_of(Open& done) {
    if (done.value) return std::move(*done.value);
    return Json::text(trim(done.text));
  }

  void put_top(std::string_view name, Json value) {
    const QName q = qname_of(name);
    if (!out_.has(q.prefix)) out_.set(q.prefix, Json::object());
    out_.find(q.prefix)->set(q.local, std::move(value));
  }

  void put_property(std::string_view name, Json value) {
    Open& parent = open_.back();
    if (parent.role == Role::kDescription) return put_top(name, std::move(value));
    if (!parent.value || !parent.value->is_object()) parent.value = Json::object();
    parent.value->set(qname_of(name).local, std::move(value));
  }

  void put_item(Open& done) {
    Open& list = open_.back();
    if (!list.alternatives) {
      list.value->add(value_of(done));
      return;
    }
    // The first one, until the default comes.
    const bool better = list.value->size() == 0 || (done.is_default && !list.default_chosen);
    if (!better) return;
    list.value = Json::array();
    list.value->add(value_of(done));
    list.default_chosen = done.is_default;
  }

  static Json list_of(Open& done) {
    if (!done.alternatives) return std::move(*done.value);
    return done.value->size() == 0 ? Json::text("") : done.value->take_first();
  }

  // A list or structure is the value of what it stands in.
  void hand_up(Json value) {
    if (!open_.empty()) open_.back().value = std::move(value);
  }

  XML_Parser parser_;
  std::vector<Open> open_;
  Json out_ = Json::object();
  int values_ = 0;
  bool failed_ = false;
};

XmpReader& reader_of(void* data) noexcept { return *static_cast<XmpReader*>(data); }

// Padding and a byte of zero behind the packet are no XML.
std::string_view packet_text(ByteSpan packet) noexcept {
  std::string_view text = as_text(packet);
  while (!text.empty() && text.back() == '\0') text.remove_suffix(1);
  return trim(text);
}

}  // namespace

Json xmp_json(ByteSpan packet) {
  const std::string_view text = packet_text(packet);
  if (text.empty() || text.size() > kXmpBlockBytesMax) return Json::object();
  const ParserPtr parser(XML_ParserCreate("UTF-8"));
  if (parser == nullptr) return Json::object();
  XmpReader reader(parser.get());
  XML_SetUserData(parser.get(), &reader);
  XML_SetElementHandler(
      parser.get(),
      [](void* data, const char* name, const char** attributes) {
        reader_of(data).start(name, attributes);
      },
      [](void* data, const char*) {
        if (!reader_of(data).failed()) reader_of(data).end();
      });
  XML_SetCharacterDataHandler(parser.get(), [](void* data, const char* bytes, int size) {
    reader_of(data).text({bytes, static_cast<std::size_t>(size)});
  });
  XML_SetStartDoctypeDeclHandler(parser.get(), [](void* data, const char*, const char*, const char*,
                                                  int) { reader_of(data).stop(); });
  const auto status = XML_Parse(parser.get(), text.data(), static_cast<int>(text.size()), XML_TRUE);
  if (status != XML_STATUS_OK || reader.failed()) return Json::object();
  return reader.take();
}

}  // namespace imgring::info
