// What a child does before the first source comes.
#include "svg_lock.h"

#include <fcntl.h>
#include <iconv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include "call_filter.h"
#include "font_files.h"
#include "imgring/base/text.h"
#include "imgring/image/loader.h"
#include "imgring/svg/encoding.h"
#include "row_puller.h"
#include "svg_child.h"

namespace imgring::image {
namespace {

// Text, and the first bytes of each kind of picture that an SVG may hold: fonts, their shaping, and
// the modules that read pictures are loaded while files can be opened.
constexpr const char* kFirstPicture =
    "<svg xmlns='http://www.w3.org/2000/svg' xmlns:x='http://www.w3.org/1999/xlink' width='8' "
    "height='8'><text font-family='sans-serif' font-size='4' y='4'>a</text><text "
    "font-family='serif' font-weight='bold' y='8'>b</text>"
    "<image width='1' height='1' x:href='data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCA"
    "AAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=='/>"
    "<image width='1' height='1' x:href='data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQAB"
    "AAACAUwAOw=='/>"
    "<image width='1' height='1' x:href='data:image/jpeg;base64,/9j/4AAQSkZJRgABAQAAAQABAAD/2Q="
    "='/>"
    "<image width='1' height='1' x:href='data:image/webp;base64,UklGRh4AAABXRUJQVlA4TBEAAAAvAAAAAA"
    "fQ//73v/+BiOh/AAA='/></svg>";

// The C library has them in files of their own. Never closed: that would unload them. Measured with
// glibc 2.36: the 39 take 4 to 6 ms, 1.9 MB of memory (0.7 MB of it for this child alone) and 4 MB
// of addresses.
void load_encoding(const char* name) noexcept {
  static_cast<void>(iconv_open("UTF-8", name));
  static_cast<void>(iconv_open(name, "UTF-8"));
}
void load_encodings() noexcept {
  // The last three: SVGs inside are decoded by the rasteriser's own use of iconv, by these names.
  for (const char* name : {"UTF-16LE", "UTF-16BE", "SHIFT_JIS", "EUC-JP", "EUC-KR"}) {
    load_encoding(name);
  }
  for (const svg::SvgEncoding& encoding : svg::kSvgEncodings) load_encoding(encoding.name);
}

void drop_words(const char*, GLogLevelFlags, const char*, void*) {}

void draw_first_picture() {
  const auto image = load(as_bytes(kFirstPicture), ImageType::kSvg, {});
  const StopFlag never;
  if (image) static_cast<void>(RowPuller(image->get(), never).pull(0));
  vips_error_clear();
}

// When memory is short, the kernel takes the child before the server.
void offer_to_the_oom_killer() noexcept {
  const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  static_cast<void>(write(fd, "500", 3) == 3);
  close(fd);
}

Error refused(const char* what) {
  return Error(ErrorCode::kInternal, std::string(what) + ": " + std::strerror(errno));
}

Result<void> set_limits() {
  const rlimit no_core{0, 0};
  const rlimit addresses{kSvgAddressBytesMax, kSvgAddressBytesMax};
  if (prlimit(0, RLIMIT_CORE, &no_core, nullptr) != 0) {
    return std::unexpected(refused("RLIMIT_CORE"));
  }
  if (!kSanitized && prlimit(0, RLIMIT_AS, &addresses, nullptr) != 0) {
    return std::unexpected(refused("RLIMIT_AS"));
  }
  return {};
}

// Whether the lock holds: some kernels of their own say yes to a filter and have none.
Result<void> try_the_lock() {
  const int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  const int network = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (file < 0 && network < 0) return {};
  return fail(ErrorCode::kInternal, "the filter of system calls has no effect");
}

}  // namespace

Result<void> prepare_to_draw() {
  // With the server dead nobody would read the picture.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, "imgring-svg");
  offer_to_the_oom_killer();
  IMGRING_TRY_VOID(init_vips("imgring"));
  g_log_set_default_handler(drop_words, nullptr);
  load_encodings();
  open_font_files();
  draw_first_picture();
  return {};
}

Result<void> lock_in() {
  IMGRING_TRY_VOID(set_limits());
  prctl(PR_SET_DUMPABLE, 0);  // no other process of our user looks into this one
  if (!answer_trapped_calls()) return std::unexpected(refused("a handler of SIGSYS"));
  IMGRING_TRY_VOID(install_call_filter(kSvgSocket));
  return try_the_lock();
}

}  // namespace imgring::image
