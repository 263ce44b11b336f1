// The place is told by the parser, so that no comment or document type is taken for the root.
#include <optional>
#include <string>
#include <utility>

#include "css.h"
#include "imgring/svg/encoding.h"
#include "imgring/svg/parser.h"
#include "imgring/svg/svg.h"

namespace imgring::svg {
namespace {

// Where the root's tag ends, once it was seen.
class RootEnd : public SvgHandler {
 public:
  explicit RootEnd(std::string_view source) noexcept : source_(source) {}
  void attach(SvgParser* parser) noexcept { parser_ = parser; }
  std::optional<std::size_t> at() const noexcept { return at_; }

  void on_start(const SvgTag& tag) override {
    const bool svg = tag.name.substr(tag.name.rfind(':') + 1) == "svg";
    const bool open = !tag.raw.empty() && !tag.raw.ends_with("/>");
    if (svg && open)
      at_ = static_cast<std::size_t>(tag.raw.data() - source_.data()) + tag.raw.size();
    parser_->refuse("the root is all that is wanted");
  }
  void on_end(std::string_view) override {}
  void on_text(std::string_view, std::string_view) override {}

 private:
  std::string_view source_;
  SvgParser* parser_ = nullptr;
  std::optional<std::size_t> at_;
};

std::optional<std::size_t> root_end(std::string_view text, SvgWork* work) {
  RootEnd handler(text);
  SvgParser parser(&handler, work);
  handler.attach(&parser);
  static_cast<void>(parser.run_utf8(as_bytes(text)));
  return handler.at();
}

std::string element_of(std::string_view css, SvgWork* work) {
  // Addresses outside of the picture go.
  const auto inside = [](std::string_view address) -> std::optional<std::string> {
    if (address.starts_with('#')) return std::string(address);
    return std::nullopt;
  };
  const auto clean = sanitize_css(css, CssPart::kSheet, inside, work);
  return "<style xmlns=\"http://www.w3.org/2000/svg\">" +
         html_escape(clean ? std::string_view(*clean) : css) + "</style>";
}

}  // namespace

Result<std::string> with_style(ByteSpan source, std::string_view css, const StopFlag& stop) {
  SvgWork work(stop);
  IMGRING_TRY(std::optional<std::string> converted, svg_to_utf8(source, &work));
  std::string text = converted ? std::move(*converted) : std::string(as_text(source));
  const auto at = root_end(text, &work);
  if (at) text.insert(*at, element_of(css, &work));
  if (!work.stopped()) return text;
  const bool late = work.reason() == StopReason::kTimeout;
  return fail(late ? ErrorCode::kTimeout : ErrorCode::kCancelled, "stopped at the style");
}

}  // namespace imgring::svg
