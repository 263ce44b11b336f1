// The child: start, and one question after the other. The server's side is svg_children.cc.
#include "svg_child.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <optional>

#include "imgring/image/svg_children.h"
#include "imgring/image/svg_drawing.h"
#include "imgring/image/svg_worker.h"
#include "imgring/mem/allocator.h"
#include "imgring/mem/own_memory.h"
#include "memory_file.h"
#include "row_puller.h"
#include "svg_lock.h"
#include "svg_talk.h"
#include "svg_wire.h"

namespace imgring::image {
namespace {

struct Open {
  explicit Open(Mapping mapping) : source(std::move(mapping)) {}
  Mapping source;
  std::unique_ptr<SvgDrawing> drawing;
  SvgSize size;
};

// Opened while files can be. getrusage() would not do: its peak begins with that of the server,
// whose memory the child was for a moment.
class OwnStatm {
 public:
  OwnStatm() : file_(open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) {}
  std::uint64_t resident_bytes() const {
    char text[256];  // seven numbers
    const ssize_t got = pread(file_.get(), text, sizeof text, 0);
    if (got <= 0) return 0;
    const auto memory = mem::parse_statm({text, static_cast<std::size_t>(got)}, page_bytes_);
    return memory ? memory->rss_bytes : 0;
  }

 private:
  loop::Fd file_;
  std::uint64_t page_bytes_ = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
};

// The kernel ends us when this source takes longer: nobody else may be there to do it.
void limit_cpu(std::uint32_t seconds) noexcept {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  rlimit limit{};
  if (prlimit(0, RLIMIT_CPU, nullptr, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(static_cast<rlim_t>(used.tv_sec) + seconds + 1, limit.rlim_max);
  prlimit(0, RLIMIT_CPU, &limit, nullptr);
}

// Rows of one strip in one call, whatever their stride.
bool write_strip(int fd, const Strip& strip, std::size_t row_bytes, std::uint64_t offset) {
  std::array<iovec, kStripRows> rows;
  for (int i = 0; i < strip.row_count; ++i) {
    auto* first =
        const_cast<std::uint8_t*>(strip.first + static_cast<std::size_t>(i) * strip.stride_bytes);
    rows[static_cast<std::size_t>(i)] = {first, row_bytes};
  }
  const ssize_t wanted = static_cast<ssize_t>(row_bytes) * strip.row_count;
  return pwritev(fd, rows.data(), strip.row_count, static_cast<off_t>(offset)) == wanted;
}

Result<void> draw_into(Open* open, int fd) {
  IMGRING_TRY(const VipsImagePtr image, open->drawing->draw());
  if (vips_image_get_bands(image.get()) != kSvgBands ||
      vips_image_get_format(image.get()) != VIPS_FORMAT_UCHAR) {
    return fail(ErrorCode::kBrokenImage, "not drawn as RGBA");
  }
  const StopFlag never;
  RowPuller rows(image.get(), never);
  const std::size_t row_bytes = static_cast<std::size_t>(open->size.width) * kSvgBands;
  std::uint64_t offset = 0;
  for (int top = 0; top < open->size.height;) {
    IMGRING_TRY(const Strip strip, rows.pull(top));
    if (!write_strip(fd, strip, row_bytes, offset)) {
      return fail(ErrorCode::kBrokenImage,
                  std::string("no room for pixels: ") + std::strerror(errno));
    }
    top += strip.row_count;
    offset += row_bytes * static_cast<std::size_t>(strip.row_count);
  }
  return {};
}

Result<void> answer(const SvgAsk& ask, const loop::Fd& file, std::optional<Open>* open) {
  if (ask.kind == SvgAskKind::kOpen) {
    limit_cpu(ask.cpu_seconds);
    open->reset();
    IMGRING_TRY(Mapping source, Mapping::of(file.get(), ask.source_bytes));
    open->emplace(std::move(source));
    SvgParams params;
    params.pixels_max = ask.pixels_max;
    params.unlimited = ask.unlimited != 0;
    params.served = ask.served != 0;
    params.seconds_max = ask.cpu_seconds;
    (*open)->drawing = draw_here((*open)->source.bytes(), params);
  }
  if (!*open) return fail(ErrorCode::kBrokenImage, "no source is open");
  if (ask.kind == SvgAskKind::kDraw) return draw_into(&**open, file.get());
  IMGRING_TRY((*open)->size, (*open)->drawing->look(ask.scale));
  return {};
}

SvgTold told_of(const Result<void>& result, const std::optional<Open>& open,
                const OwnStatm& memory) {
  SvgTold told;
  told.good = result ? 1 : 0;
  told.resident_bytes = memory.resident_bytes();
  if (open) {
    told.width = open->size.width;
    told.height = open->size.height;
  }
  if (result) return told;
  told.code = static_cast<std::uint32_t>(result.error().code);
  const std::string& detail = result.error().detail;
  told.detail_bytes = static_cast<std::uint32_t>(std::min(detail.size(), kSvgDetailBytesMax));
  std::memcpy(told.detail, detail.data(), told.detail_bytes);
  return told;
}

// A library that ends the process by abort() must not take a second for a core file, and a server
// that is asked to stop waits for us: the terminal's or systemd's signals are for it.
void set_signals() noexcept {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) {
    std::signal(number, SIG_IGN);
  }
}

// The server ends a child that keeps too much (kSvgGrownBytes). What takes milliseconds is done by
// those only who have grown.
void give_back(const OwnStatm& memory, std::uint64_t ready_bytes) {
  mem::collect(mem::Collect::kGentle);
  if (memory.resident_bytes() <= ready_bytes + kSvgGrownBytes / 2) return;
  mem::collect(mem::Collect::kHelper);
}

// Answers until the other end is gone; the exit status.
int answer_questions(int socket, const OwnStatm& memory) {
  const std::uint64_t ready_bytes = memory.resident_bytes();
  std::optional<Open> open;
  for (;;) {
    SvgAsk ask;
    loop::Fd file;
    const Heard heard = hear_packet(socket, &ask, sizeof ask, &file);
    if (heard == Heard::kEnd) return 0;
    if (heard != Heard::kPacket) return 1;
    if (ask.kind == SvgAskKind::kEnd) {
      open.reset();
      give_back(memory, ready_bytes);
      continue;
    }
    const Result<void> result = answer(ask, file, &open);
    const SvgTold told = told_of(result, open, memory);
    job_finished();
    if (!send_packet(socket, &told, sizeof told)) return 0;
  }
}

}  // namespace

int run_svg_worker() {
  set_signals();
  const OwnStatm memory;
  Result<void> ready = prepare_to_draw();
  if (ready) ready = lock_in();
  const SvgTold told = told_of(ready, std::nullopt, memory);
  const bool sent = send_packet(kSvgSocket, &told, sizeof told);
  if (!sent || !ready) return 1;
  // Nothing is to be saved, and what libraries and sanitizers do at an exit is not on the list.
  _exit(answer_questions(kSvgSocket, memory));
}

}  // namespace imgring::image
