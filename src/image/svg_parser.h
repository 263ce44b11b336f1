// Expat with the limits every SVG must keep (hardening.md 5): size, elements, attributes, depth,
// and entities that are plain text. Handlers get raw offsets, so that kept bytes can be copied.
// Owns the expat parser for one run; a handler's own limit stops it. Any thread.
#pragma once

#include <expat.h>

#include <cstddef>
#include <memory>
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

class SvgHandler {
 public:
  virtual ~SvgHandler() = default;
  // `raw`: the bytes of the tag, reference or text in the source.
  virtual void on_start(std::string_view name, const std::vector<SvgAttribute>& attributes,
                        std::string_view raw) = 0;
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
  Outcome run(ByteSpan source);
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
  std::vector<SvgAttribute> attributes_;
  std::string why_;
  std::size_t entity_bytes_ = 0;
  int elements_ = 0, depth_ = 0;
  bool over_limit_ = false;
};

}  // namespace imgring::image
