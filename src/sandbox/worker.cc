// The child: start, and one question after the other. The server's side is children.cc and job.cc.
#include "imgring/sandbox/worker.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <ctime>
#include <optional>
#include <utility>

#include "imgring/base/fatal_signal.h"
#include "imgring/base/sanitized.h"
#include "imgring/mem/allocator.h"
#include "imgring/mem/own_memory.h"
#include "imgring/sandbox/children.h"
#include "lock.h"
#include "memory_file.h"
#include "talk.h"
#include "wire.h"

namespace imgring::sandbox {
namespace {

// Opened while files can be. getrusage() would not do: its peak begins with that of the server,
// whose memory the child was for a moment.
class OwnStatm {
 public:
  OwnStatm() : file_(open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) {}
  mem::OwnMemory read() const {
    char text[256];  // seven numbers
    const ssize_t got = pread(file_.get(), text, sizeof text, 0);
    if (got <= 0) return {};
    return mem::parse_statm({text, static_cast<std::size_t>(got)}, page_bytes_)
        .value_or(mem::OwnMemory());
  }
  // Behind the first job: it takes 20 ms, for which nobody shall wait. Unoptimised it takes longer
  // than a child may let those wait who want it to stop.
  void unmap_start_pages_once() {
    if (!kSanitized && !std::exchange(unmapped_, true)) mem::unmap_start_pages(smaps_.get());
  }

 private:
  loop::Fd file_;
  loop::Fd smaps_{open("/proc/self/smaps", O_RDONLY | O_CLOEXEC)};
  bool unmapped_ = false;
  std::uint64_t page_bytes_ = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
};

// The kernel ends us when this job takes longer: nobody else may be there to do it.
void limit_cpu(std::uint32_t seconds, unsigned threads) noexcept {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  rlimit limit{};
  if (prlimit(0, RLIMIT_CPU, nullptr, &limit) != 0) return;
  const rlim_t more = rlim_t{seconds} * threads + 1;
  limit.rlim_cur = std::min<rlim_t>(static_cast<rlim_t>(used.tv_sec) + more, limit.rlim_max);
  prlimit(0, RLIMIT_CPU, &limit, nullptr);
}

// Set by a signal, so it is no job's own. A signal that came too late for its job is forgotten at
// the next one's first question: the server sends that behind it.
StopFlag stop_flag;
void on_stop_signal(int) noexcept { stop_flag.stop(StopReason::kClientGone); }

// Of the one job that there is at a time. Work goes before the bytes it looks at.
struct OpenJob {
  Mapping first, later;
  std::unique_ptr<Work> work;
};

// The parts of a question, from the file that came with it.
Result<Parts<ByteSpan>> parts_of(const Ask& ask, const loop::Fd& file, Mapping* mapping) {
  Parts<ByteSpan> parts;
  constexpr std::uint64_t kAny = std::uint64_t{1} << 62;
  const auto layout = layout_of(ask.part_bytes, kAny);
  if (!layout) return fail(ErrorCode::kBrokenImage, "a question of an impossible size");
  if (layout->end_bytes == 0) return parts;
  IMGRING_TRY(*mapping, Mapping::of(file.get(), layout->end_bytes));
  for (std::size_t i = 0; i < kPartCount; ++i) {
    parts.all[i] = mapping->bytes().subspan(layout->offsets.all[i], ask.part_bytes.all[i]);
  }
  return parts;
}

Result<Facts> answer(const Ask& ask, const Descriptors& files, Room* room, const Kind& kind,
                     std::optional<OpenJob>* job) {
  const bool first = !*job;
  if (first) {
    limit_cpu(ask.seconds_max, kind.threads_max);
    stop_flag.stop(StopReason::kNone);
    job->emplace();
    (*job)->work = kind.begin();
  }
  OpenJob& open = **job;
  const bool has_parts = std::ranges::any_of(ask.part_bytes.all, [](auto n) { return n > 0; });
  Request request;
  request.facts = ask.facts;
  request.seconds_max = ask.seconds_max;
  request.stop = &stop_flag;
  request.room_bytes = ask.room_bytes;
  IMGRING_TRY(request.parts, parts_of(ask, files[0], first ? &open.first : &open.later));
  *room = Room(files[has_parts ? 1 : 0].get(), ask.room_bytes);
  return open.work->answer(request, *room);
}

void put_error(const Error& error, Told* told) {
  told->code = static_cast<std::uint32_t>(error.code);
  told->detail_bytes = static_cast<std::uint32_t>(std::min(error.detail.size(), kDetailBytesMax));
  std::memcpy(told->detail, error.detail.data(), told->detail_bytes);
}

// A library that ends the process by abort() must not take a second for a core file, and a server
// that is asked to stop waits for us: the terminal's or systemd's signals are for it.
void set_signals() noexcept {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) {
    std::signal(number, SIG_IGN);
  }
  struct sigaction action = {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART;
  sigaction(kStopSignal, &action, nullptr);
}

// The server ends a child that keeps too much (kGrownBytes). What takes milliseconds is done by
// those only who have grown.
void give_back(const OwnStatm& memory, std::uint64_t ready_anon_bytes) {
  mem::collect(mem::Collect::kGentle);
  if (memory.read().rss_anon_bytes <= ready_anon_bytes + kGrownBytes / 2) return;
  mem::collect(mem::Collect::kHelper);
}

// Answers until the other end is gone; the exit status.
int answer_questions(const Kind& kind, OwnStatm& memory) {
  const std::uint64_t ready_anon_bytes = memory.read().rss_anon_bytes;
  std::optional<OpenJob> job;
  for (;;) {
    Ask ask;
    Descriptors files;
    const Heard heard = hear_packet(kSocket, &ask, sizeof ask, &files);
    if (heard == Heard::kEnd) return 0;
    if (heard != Heard::kPacket) return 1;
    if (ask.kind == AskKind::kEnd) {
      job.reset();
      give_back(memory, ready_anon_bytes);
      memory.unmap_start_pages_once();
      continue;
    }
    Room room;
    const Result<Facts> result = answer(ask, files, &room, kind, &job);
    Told told;
    told.good = result ? 1 : 0;
    told.resident_bytes = memory.read().rss_bytes;
    told.part_bytes = room.part_bytes();
    if (result) told.facts = *result;
    if (!result) put_error(result.error(), &told);
    if (job) job->later = Mapping();
    if (!send_packet(kSocket, &told, sizeof told)) return 0;
  }
}

}  // namespace

int run_worker(std::span<const Kind* const> kinds, std::string_view name) {
  const auto found = std::ranges::find(kinds, name, &Kind::name);
  if (found == kinds.end()) return 1;
  const Kind& kind = **found;
  set_signals();
  OwnStatm memory;
  leave_the_server(kind);
  Result<void> ready;
  if (kind.prepare != nullptr) ready = kind.prepare();
  // What is loaded by now is all that there will be.
  if (!kSanitized) tell_of_fatal_signals(kWords);
  const SignalStack signal_stack;
  Told told;
  if (ready) {
    ready = lock_in(kind);
    told.shut_out = !ready && ready.error().code == ErrorCode::kInternal ? 1 : 0;
  }
  told.good = ready ? 1 : 0;
  if (!ready) put_error(ready.error(), &told);
  told.resident_bytes = memory.read().rss_bytes;
  const bool sent = send_packet(kSocket, &told, sizeof told);
  if (!sent || !ready) return 1;
  // Nothing is to be saved, and what libraries and sanitizers do at an exit is not on the list.
  _exit(answer_questions(kind, memory));
}

}  // namespace imgring::sandbox
