// What the tests of children that draw SVGs share: a picture, and how the real child is started.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "../../../src/image/memory_file.h"
#include "../../../src/image/svg_lock.h"
#include "../../../src/image/svg_talk.h"
#include "../../../src/image/svg_wire.h"
#include "imgring/image/encoder.h"
#include "imgring/image/loader.h"
#include "imgring/image/svg_children.h"
#include "test_images.h"

namespace imgring::image {

using test::pixels_of;
using namespace std::chrono_literals;

inline const std::string kPicture =
    "<svg xmlns='http://www.w3.org/2000/svg' width='60' height='40'><rect width='30' height='20' "
    "fill='#c03020'/><text x='4' y='30' font-size='14'>text</text></svg>";
inline const StopFlag kNoStop;

inline SvgChildrenOptions real_children() {
  SvgChildrenOptions options;
  options.children_max = 2;
  options.time_max = 60s;
  options.start_max = 60s;  // a sanitizer's build starts slowly
  options.start = []() -> Result<SvgProcess> {
    const char* program = std::getenv("IMGRING_BIN");
    if (program == nullptr) return fail(ErrorCode::kInternal, "IMGRING_BIN must name the program");
    return start_svg_process(program);
  };
  return options;
}

inline std::string proc_text(pid_t pid, const char* name) {
  std::stringstream out;
  out << std::ifstream("/proc/" + std::to_string(pid) + "/" + name).rdbuf();
  return out.str();
}

inline Result<VipsImagePtr> draw(SvgChildren* children, const std::string& source, double scale,
                                 const StopFlag& stop = kNoStop) {
  IMGRING_TRY(auto drawing, children->open(as_bytes(source), {}, stop));
  IMGRING_TRY_VOID(drawing->look(1));
  IMGRING_TRY_VOID(drawing->look(scale));
  return drawing->draw();
}

}  // namespace imgring::image
