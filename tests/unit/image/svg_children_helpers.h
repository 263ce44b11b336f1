// What the tests of children that draw SVGs share: a picture, and how the real child is started.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "imgring/base/sanitized.h"
#include "imgring/image/encoder.h"
#include "imgring/image/loader.h"
#include "imgring/image/svg_drawing.h"
#include "imgring/sandbox/children.h"
#include "test_images.h"

namespace imgring::image {

using test::pixels_of;
using namespace std::chrono_literals;

inline const std::string kPicture =
    "<svg xmlns='http://www.w3.org/2000/svg' width='60' height='40'><rect width='30' height='20' "
    "fill='#c03020'/><text x='4' y='30' font-size='14'>text</text></svg>";
inline const StopFlag kNoStop;

inline sandbox::ChildrenOptions real_children() {
  sandbox::ChildrenOptions options;
  options.children_max = 2;
  options.time_max = 60s;
  options.start_max = 60s;  // a sanitizer's build starts slowly
  options.start = [](const sandbox::Kind& kind) -> Result<sandbox::ChildProcess> {
    const char* program = std::getenv("IMGRING_BIN");
    if (program == nullptr) return fail(ErrorCode::kInternal, "IMGRING_BIN must name the program");
    return sandbox::start_process(kind, program);
  };
  return options;
}

inline std::string proc_text(pid_t pid, const char* name) {
  std::stringstream out;
  out << std::ifstream("/proc/" + std::to_string(pid) + "/" + name).rdbuf();
  return out.str();
}

inline Result<VipsImagePtr> draw(sandbox::Children* children, const std::string& source,
                                 double scale, const StopFlag& stop = kNoStop) {
  IMGRING_TRY(auto drawing, draw_in_child(*children, as_bytes(source), {}, stop));
  IMGRING_TRY_VOID(drawing->look(1));
  IMGRING_TRY_VOID(drawing->look(scale));
  return drawing->draw();
}

}  // namespace imgring::image
