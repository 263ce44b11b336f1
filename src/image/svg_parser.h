// Expat with the limits every SVG must keep (hardening.md 5): size, elements, attributes, depth,
// and entities that are plain text. Handlers get the bytes of each tag, so that they can be copied.
// Owns the expat parser for one run; a handler's own limit stops it. Any thread.
#pragma once

#include <expat.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/base/text.h"

namespace imgring::image {

inline constexpr std::size_t kSvgBytesMax = std::size_t{10} << 20;
inline constexpr int kSvgElementsMax = 200'000, kSvgAttributesMax = 1'000, kSvgDepthMax = 256;
inline constexpr std::size_t kSvgEntityBytesMax = std::size_t{1} << 20;

struct SvgAttribute {
  std::string_view name, value;  // value: entities resolved
};

struct SvgTag {
  std::string_view name;
  std::span<const SvgAttribute> written;  // what stands in the tag, in its order
  std::span<const SvgAttribute> all;      // and behind it what the document type adds
  std::string_view raw;
};

class SvgHandler {
 public:
  virtual ~SvgHandler() = default;
  // `raw`: the bytes of the tag, reference or text, in UTF-8.
  virtual void on_start(const SvgTag& tag) = 0;
  virtual void on_end(std::string_view name) = 0;
  virtual void on_text(std::string_view text, std::string_view raw) = 0;
  virtual void on_cdata(bool /*begins*/) {}
  virtual void on_comment(std::string_view /*raw*/) {}
  virtual void on_declaration(std::string_view /*raw*/) {}
};

class SvgParser {
 public:
  enum class Outcome : unsigned char { kDone, kUnclosed, kMalformed, kOverLimit };
  explicit SvgParser(SvgHandler* handler) noexcept : handler_(handler) {}
  // kUnclosed: the source ended between tags with elements open; everything before was handed out.
  // kOverLimit: a limit, a handler's, or an encoding nobody knows (svg_encoding.h).
  Outcome run(ByteSpan source);
  // The same for what is UTF-8: whatever it says of itself is not looked at.
  Outcome run_utf8(ByteSpan source);
  // For handlers: ends the run with kOverLimit.
  void refuse(std::string why);
  const std::string& why() const noexcept { return why_; }
  int depth() const noexcept { return depth_; }

 private:
  struct Callbacks;
  std::string_view raw() const noexcept;
  void count_expanded(std::size_t size_bytes);

  SvgHandler* handler_;
  XML_Parser parser_ = nullptr;
  ByteSpan source_;
  std::string own_;  // a source in another encoding, in UTF-8
  std::vector<SvgAttribute> attributes_;
  std::string why_;
  std::size_t entity_bytes_ = 0;
  int elements_ = 0, depth_ = 0;
  bool over_limit_ = false;
};

}  // namespace imgring::image
