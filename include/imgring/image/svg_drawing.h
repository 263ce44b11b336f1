// One SVG source, looked at and drawn: the seam between the pipeline and whoever runs the
// rasteriser, which is a child process in the server and this process inside that child.
// Owns what it opens; the source bytes must outlive it. Helper threads only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "imgring/base/text.h"
#include "imgring/image/stop.h"
#include "imgring/image/vips_image.h"

namespace imgring::sandbox {
class Children;
}

namespace imgring::image {

// Sources from here on are drawn one after the other: the rasteriser takes a hundred times their
// size.
inline constexpr std::size_t kSvgLargeBytes = std::size_t{1} << 20;

struct SvgParams {
  bool text = false;               // the source is no SVG but a text with Pango's markup
  std::int64_t pixels_max = 0;     // of the pictures inside together; 0: the default
  bool unlimited = false;          // IMGPROXY_SVG_UNLIMITED
  bool served = false;             // it is looked at and not drawn: what drawing costs is no matter
  double seconds_max = 0;          // of CPU; 0: the default
  std::uint64_t memory_bytes = 0;  // that a child may take for it; 0: up to kAddressBytesMax
};
struct SvgSize {
  int width = 0, height = 0;
};

class SvgDrawing {
 public:
  virtual ~SvgDrawing() = default;
  // Its size in pixels at this scale; 1: one CSS pixel is one pixel. The first look checks what
  // reading it costs, unless it is served only.
  // Text: 1 is 72 dots per inch, the size is that of its ink, 0 x 0 where there is none, and errors
  // are kInvalidUrl for markup that is none and kResolutionTooLarge.
  virtual Result<SvgSize> look(double scale) = 0;
  // RGBA at the scale last looked at, within the limits of svg_limits.h. Once, as the last call.
  virtual Result<VipsImagePtr> draw() = 0;
};

// In this process: for the child itself, and for tests.
std::unique_ptr<SvgDrawing> draw_here(ByteSpan source, const SvgParams& params);

// In a child of the pool, for which it may have to wait; `source` and `stop` must outlive it.
Result<std::unique_ptr<SvgDrawing>> draw_in_child(sandbox::Children& children, ByteSpan source,
                                                  const SvgParams& params, const StopFlag& stop);

}  // namespace imgring::image
