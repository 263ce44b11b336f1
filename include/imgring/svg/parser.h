// Expat with the limits every SVG must keep (hardening.md 5): size, elements, attributes, depth,
// what a document type declares, and entities that are plain text. Handlers get the bytes of each
// tag, so that they can be copied; comments and processing instructions reach nobody.
// Owns the expat parser for one run; a handler's own limit and the work's flag stop it. Any thread.
// Promises: work that grows with the source's bytes and no faster, all of it spent.
#pragma once

// Without it the header hides the two functions that bound expansion, which the library has.
#ifndef XML_DTD
#define XML_DTD
#endif
#include <expat.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/base/text.h"
#include "imgring/svg/work.h"

namespace imgring::svg {

// Of what the walks themselves must bound, drawn or not. Beside each what a file just above it
// took librsvg 2.54 without it (`svg_bench draw 100 FILE`, seconds of CPU and MB); the files are
// those of SanitizeSvg.JustBelowIsServedAndJustAboveIsRefused.
//
// 10 MiB of outlines: 0.59 s, 364 MB; libxml2 reads no attribute or text of 10 MB.
inline constexpr std::size_t kSvgBytesMax = std::size_t{10} << 20;
// 200 001 rectangles: 1.7 s, 812 MB, of the gigabyte that a child has.
inline constexpr int kSvgElementsMax = 200'000;
// Expat compares each with those before it. 1001 on one tag: 0.01 s, 38 MB; on 1000 tags 1.2 s,
// 111 MB.
inline constexpr int kSvgAttributesMax = 1'000;
// 257: librsvg refuses it, too.
inline constexpr int kSvgDepthMax = 256;
// 1.03 MiB out of 60 KB: 0.01 s, 43 MB; without any the 10 MiB of a file become 300 GB.
inline constexpr std::size_t kSvgEntityBytesMax = std::size_t{1} << 20;
// Expat compares each with all those before it, and looks at all of them at each tag of their
// element: 90 000 in 3 MB took minutes; 1000 and 200 000 tags take 0.3 s. Librsvg took 13 s and
// 691 MB for 1001 and 10 000 tags.
inline constexpr int kSvgDeclaredAttributesMax = 1'000;

// Escapes make text up to five times as long, and honest files hold little that needs one.
inline constexpr std::size_t kSvgCleanBytesMax = 2 * kSvgBytesMax;

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
  // `raw`: the bytes of the reference or text, in UTF-8.
  virtual void on_start(const SvgTag& tag) = 0;
  virtual void on_end(std::string_view name) = 0;
  virtual void on_text(std::string_view text, std::string_view raw) = 0;
  virtual void on_cdata(bool /*begins*/) {}
  virtual void on_declaration(std::string_view /*raw*/) {}
};

class SvgParser {
 public:
  enum class Outcome : unsigned char { kDone, kUnclosed, kMalformed, kOverLimit, kStopped };
  SvgParser(SvgHandler* handler, SvgWork* work) noexcept : handler_(handler), work_(work) {}
  // kUnclosed: the source ended between tags with elements open; everything before was handed out.
  // kOverLimit: a limit, a handler's, or an encoding nobody knows (encoding.h).
  // kStopped: the work's flag.
  Outcome run(ByteSpan source);
  // The same for what is UTF-8: whatever it says of itself is not looked at.
  Outcome run_utf8(ByteSpan source);
  // For handlers: ends the run with kOverLimit.
  void refuse(std::string why);
  // For handlers, beyond the bytes they are given; the run may end.
  void spend(std::size_t steps);
  const std::string& why() const noexcept { return why_; }
  bool out_of_memory() const noexcept { return out_of_memory_; }
  int depth() const noexcept { return depth_; }

 private:
  struct Callbacks;
  std::string_view raw() const noexcept;
  void spend_raw();
  void count_expanded(std::size_t size_bytes);
  void set_callbacks();
  Outcome outcome_of(bool parsed);

  SvgHandler* handler_;
  SvgWork* work_;
  XML_Parser parser_ = nullptr;
  ByteSpan source_;
  std::string own_;  // a source in another encoding, in UTF-8
  std::vector<SvgAttribute> attributes_;
  std::string why_;
  std::size_t entity_bytes_ = 0;
  int elements_ = 0, depth_ = 0, declared_ = 0;
  bool ended_ = false, in_cdata_ = false, out_of_memory_ = false;
};

// Whether the markup needs the document type: a reference other than the five of XML and numbers.
bool needs_document_type(std::string_view raw) noexcept;

}  // namespace imgring::svg
