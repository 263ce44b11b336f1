// SVG bytes: allow-list sanitiser on expat with the limits of hardening.md section 5, limits of
// what drawing costs, and quick looks for estimates.
// Plain functions over spans, any thread (CPU work: helper threads in the server).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "imgring/base/error.h"
#include "imgring/base/text.h"
#include "imgring/svg/work.h"

namespace imgring::svg {

// Markup that keeps the bytes of what is kept, in UTF-8. kBrokenSvg when it cannot be parsed or is
// over a limit; kTimeout or kCancelled when the flag ended it. Its work grows with the bytes of the
// source and no faster (`work` says how much it was).
Result<std::string> sanitize_svg(ByteSpan source, const StopFlag& stop = StopFlag{});
Result<std::string> sanitize_svg(ByteSpan source, SvgWork* work);

// The source in UTF-8 with a style element as the first child of its root: `css` without what
// reaches outside of the picture (css.h). As it is where no root has a beginning and an end.
// Errors: sanitize_svg's.
Result<std::string> with_style(ByteSpan source, std::string_view css, const StopFlag& stop);

// What the root says of its size, in CSS pixels; nullopt: nothing that can be read cheaply. Also on
// a loop's thread.
struct SvgRootSize {
  double width = 0, height = 0;
};
std::optional<SvgRootSize> svg_root_size(ByteSpan source);

// The first bytes of pictures that links hold in base64, for estimates: the first 16 of them in the
// first 256 KiB of markup. Also on a loop's thread.
struct SvgInnerHead {
  std::string bytes;
  std::size_t size_bytes = 0;  // of the whole picture, about
};
std::vector<SvgInnerHead> svg_inner_heads(ByteSpan source);

}  // namespace imgring::svg
