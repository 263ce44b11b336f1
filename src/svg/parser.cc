// The expat callbacks and the limits they count.
#include "imgring/svg/parser.h"

#include <algorithm>

#include "imgring/svg/encoding.h"

namespace imgring::svg {
namespace {

struct FreeParser {
  void operator()(XML_Parser p) const noexcept { XML_ParserFree(p); }
};

// Expat counts the source too, so that a file of any size may expand by 1 MiB and hardly more.
constexpr unsigned long long kExpandedBytes = std::size_t{4} << 20;
constexpr float kExpandedTimes = 2;

// Which expat would take for UTF-16, whatever it was told.
bool begins_as_utf16(ByteSpan source) noexcept {
  const std::string_view text = as_text(source);
  return text.starts_with("\xFE\xFF") || text.starts_with("\xFF\xFE") ||
         text.substr(0, 4).find('\0') != std::string_view::npos;
}

}  // namespace

struct SvgParser::Callbacks {
  static SvgParser& self(void* data) noexcept { return *static_cast<SvgParser*>(data); }

  static void start(void* data, const char* name, const char** attributes) {
    SvgParser& p = self(data);
    if (p.ended_) return;
    if (++p.elements_ > kSvgElementsMax) return p.refuse("more than 200000 elements");
    if (++p.depth_ > kSvgDepthMax) return p.refuse("deeper than 256 elements");
    p.attributes_.clear();
    for (const char** a = attributes; *a != nullptr; a += 2) p.attributes_.push_back({a[0], a[1]});
    if (p.attributes_.size() > kSvgAttributesMax) return p.refuse("more than 1000 attributes");
    const std::string_view raw = p.raw();
    // An attribute's text may come from entities, which only the attributes' values show.
    std::size_t value_bytes = 0;
    for (const SvgAttribute& a : p.attributes_) value_bytes += a.value.size();
    if (value_bytes > raw.size()) p.count_expanded(value_bytes - raw.size());
    p.spend(raw.size() + value_bytes + static_cast<std::size_t>(p.declared_));
    if (p.ended_) return;
    // Expat counts names and values, and puts what the document type adds behind them.
    const std::span<const SvgAttribute> all(p.attributes_);
    const auto written = static_cast<std::size_t>(XML_GetSpecifiedAttributeCount(p.parser_)) / 2;
    p.handler_->on_start({name, all.first(std::min(written, all.size())), all, raw});
  }
  static void end(void* data, const char* name) {
    SvgParser& p = self(data);
    --p.depth_;
    p.spend(1);
    if (!p.ended_) p.handler_->on_end(name);
  }
  static void text(void* data, const char* text, int size) {
    SvgParser& p = self(data);
    const std::string_view value(text, static_cast<std::size_t>(size));
    const std::string_view raw = p.raw();
    // Each line of an entity comes by itself, with the same reference.
    const bool entity = !p.in_cdata_ && raw.starts_with('&') && needs_document_type(raw);
    if (entity) p.count_expanded(value.size());
    p.spend(value.size() + 1);
    if (!p.ended_) p.handler_->on_text(value, raw);
  }
  static void cdata_start(void* data) { cdata(data, true); }
  static void cdata_end(void* data) { cdata(data, false); }
  static void cdata(void* data, bool begins) {
    SvgParser& p = self(data);
    p.in_cdata_ = begins;
    p.spend(1);
    if (!p.ended_) p.handler_->on_cdata(begins);
  }
  static void comment(void* data, const char*) { self(data).spend_raw(); }
  static void instruction(void* data, const char*, const char*) { self(data).spend_raw(); }
  static void declaration(void* data, const char* version, const char*, int) {
    SvgParser& p = self(data);
    if (version != nullptr) p.handler_->on_declaration(p.raw());
  }
  static void entity(void* data, const char*, int is_parameter, const char* value, int size,
                     const char*, const char*, const char*, const char*) {
    SvgParser& p = self(data);
    if (is_parameter != 0 || value == nullptr) return p.refuse("parameter or external entity");
    const std::string_view text(value, static_cast<std::size_t>(size));
    p.spend(text.size() + 1);
    if (text.find_first_of("<&") != std::string_view::npos) p.refuse("entity with markup");
  }
  static void attribute(void* data, const char*, const char*, const char*, const char* value, int) {
    SvgParser& p = self(data);
    if (++p.declared_ > kSvgDeclaredAttributesMax) {
      return p.refuse("a document type that declares more than 1000 attributes");
    }
    const std::size_t value_bytes = value == nullptr ? 0 : std::string_view(value).size();
    p.spend(value_bytes + static_cast<std::size_t>(p.declared_));
  }
};

void SvgParser::count_expanded(std::size_t size_bytes) {
  entity_bytes_ += size_bytes;
  if (entity_bytes_ > kSvgEntityBytesMax) refuse("entities expand to more than 1 MiB");
}

void SvgParser::refuse(std::string why) {
  if (ended_) return;
  ended_ = true;
  why_ = std::move(why);
  XML_StopParser(parser_, XML_FALSE);
}

void SvgParser::spend(std::size_t steps) {
  if (!work_->spend(steps)) refuse("stopped");
}

void SvgParser::spend_raw() { spend(raw().size() + 1); }

std::string_view SvgParser::raw() const noexcept {
  const XML_Index at = XML_GetCurrentByteIndex(parser_);
  const int count = XML_GetCurrentByteCount(parser_);
  if (at < 0 || count < 0) return {};
  const auto first = static_cast<std::size_t>(at), size = static_cast<std::size_t>(count);
  if (first > source_.size() || size > source_.size() - first) return {};
  return as_text(source_).substr(first, size);
}

SvgParser::Outcome SvgParser::run(ByteSpan source) {
  auto text = svg_to_utf8(source, work_);
  if (!text) {
    why_ = std::move(text).error().detail;
    return work_->stopped() ? Outcome::kStopped : Outcome::kOverLimit;
  }
  if (!*text) return run_utf8(source);
  own_ = std::move(**text);
  return run_utf8(as_bytes(own_));
}

void SvgParser::set_callbacks() {
  XML_SetUserData(parser_, this);
  XML_SetElementHandler(parser_, Callbacks::start, Callbacks::end);
  XML_SetCharacterDataHandler(parser_, Callbacks::text);
  XML_SetCdataSectionHandler(parser_, Callbacks::cdata_start, Callbacks::cdata_end);
  XML_SetCommentHandler(parser_, Callbacks::comment);
  XML_SetProcessingInstructionHandler(parser_, Callbacks::instruction);
  XML_SetXmlDeclHandler(parser_, Callbacks::declaration);
  XML_SetEntityDeclHandler(parser_, Callbacks::entity);
  XML_SetAttlistDeclHandler(parser_, Callbacks::attribute);
  // What expands before any handler hears of it: the default of an attribute.
  XML_SetBillionLaughsAttackProtectionActivationThreshold(parser_, kExpandedBytes);
  XML_SetBillionLaughsAttackProtectionMaximumAmplification(parser_, kExpandedTimes);
}

SvgParser::Outcome SvgParser::run_utf8(ByteSpan source) {
  if (source.empty() || begins_as_utf16(source)) return Outcome::kMalformed;
  const std::unique_ptr<std::remove_pointer_t<XML_Parser>, FreeParser> owner(
      XML_ParserCreate("UTF-8"));
  if (owner == nullptr) return Outcome::kMalformed;
  parser_ = owner.get();
  source_ = source;
  set_callbacks();
  const XML_Status status = XML_Parse(parser_, reinterpret_cast<const char*>(source.data()),
                                      static_cast<int>(source.size()), 1);
  const Outcome outcome = outcome_of(status == XML_STATUS_OK);
  parser_ = nullptr;
  return outcome;
}

SvgParser::Outcome SvgParser::outcome_of(bool parsed) {
  if (work_->stopped()) return Outcome::kStopped;
  if (ended_) return Outcome::kOverLimit;
  if (parsed) return Outcome::kDone;
  const XML_Error error = XML_GetErrorCode(parser_);
  out_of_memory_ = error == XML_ERROR_NO_MEMORY;
  if (error == XML_ERROR_AMPLIFICATION_LIMIT_BREACH) {
    why_ = "entities expand to more than 1 MiB";
    return Outcome::kOverLimit;
  }
  why_ = XML_ErrorString(error);
  return error == XML_ERROR_NO_ELEMENTS && depth_ > 0 ? Outcome::kUnclosed : Outcome::kMalformed;
}

// References the five names of XML and numbers: valid without the document type.
bool needs_document_type(std::string_view raw) noexcept {
  for (std::size_t at = raw.find('&'); at != std::string_view::npos; at = raw.find('&', at + 1)) {
    const std::string_view rest = raw.substr(at + 1);
    if (rest.starts_with('#')) continue;
    bool predefined = false;
    for (const std::string_view name : {"amp;", "lt;", "gt;", "quot;", "apos;"}) {
      predefined = predefined || rest.starts_with(name);
    }
    if (!predefined) return true;
  }
  return false;
}

}  // namespace imgring::svg
