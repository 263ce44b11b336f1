// What main() does in a child that draws SVGs: makes ready what needs files, locks itself in, and
// answers until the server is gone. Main thread of a fresh process.
#pragma once

namespace imgring::image {

// The hidden command that start_svg_process gives this program.
inline constexpr const char* kSvgCommand = "svg-worker";

int run_svg_worker();

}  // namespace imgring::image
