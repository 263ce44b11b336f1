// Text with Pango's markup, drawn in this process: for the child that draws SVGs, which has the
// fonts, and for tests.
// Helper threads, or the child's main thread.
#pragma once

#include "imgring/image/svg_drawing.h"

namespace imgring::image {

// Black unless its markup says otherwise, "sans 16" likewise, no line is wrapped. The source must
// outlive it.
std::unique_ptr<SvgDrawing> write_here(ByteSpan source, const SvgParams& params);

}  // namespace imgring::image
