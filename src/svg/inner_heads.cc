// A quick look for data: links in an SVG's bytes: no parser, since it runs on a loop.
#include "imgring/svg/parser.h"
#include "imgring/svg/svg.h"

namespace imgring::svg {
namespace {

constexpr std::string_view kMark = ";base64,";
// Of markup around the links, and of each picture: its size stands there. Ends of links are looked
// for in all of the source, by memchr.
constexpr std::size_t kMarkupBytesMax = 256 << 10, kHeadBytesMax = 8 << 10;
constexpr int kHeadsMax = 16;

std::string_view until_end_of_link(std::string_view text) noexcept {
  for (const char end : {'"', '\'', ')', '<'}) text = text.substr(0, text.find(end));
  return text;
}

std::string decoded_head(std::string_view payload) {
  std::string text;
  for (const char c : payload.substr(0, kHeadBytesMax / 3 * 4)) {
    if (static_cast<unsigned char>(c) > 0x20) text.push_back(c);
  }
  text.resize(text.size() / 4 * 4);  // whole groups
  while (text.ends_with('=')) text.pop_back();
  return base64_decode(text).value_or(std::string());
}

}  // namespace

std::vector<SvgInnerHead> svg_inner_heads(ByteSpan source) {
  std::vector<SvgInnerHead> heads;
  if (source.size() > kSvgBytesMax) return heads;  // refused when it is read
  std::string_view left = as_text(source);
  std::size_t markup_bytes = 0;
  while (static_cast<int>(heads.size()) < kHeadsMax && markup_bytes < kMarkupBytesMax) {
    const std::size_t at = left.substr(0, kMarkupBytesMax - markup_bytes).find(kMark);
    if (at == std::string_view::npos) break;
    markup_bytes += at + kMark.size();
    left.remove_prefix(at + kMark.size());
    const std::string_view payload = until_end_of_link(left);
    heads.push_back({decoded_head(payload), payload.size() / 4 * 3});
    left.remove_prefix(payload.size());
  }
  return heads;
}

}  // namespace imgring::svg
