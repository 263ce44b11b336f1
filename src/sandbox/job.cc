// One job in a child. What a child says is checked here and nowhere else.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "child.h"
#include "imgring/base/sanitized.h"
#include "imgring/sandbox/children.h"
#include "memory_file.h"
#include "talk.h"
#include "wire.h"

namespace imgring::sandbox {
namespace {

using SteadyClock = std::chrono::steady_clock;

// A picture's fault is all that a child can tell of.
Error error_of(const Told& told, const Kind& kind) {
  const bool known = std::ranges::any_of(
      kind.errors, [&](ErrorCode e) { return static_cast<std::uint32_t>(e) == told.code; });
  return Error(known ? static_cast<ErrorCode>(told.code) : ErrorCode::kBrokenImage,
               detail_of(told));
}

// A question as it is sent: what is said, and the files that go with it.
struct Packed {
  Ask ask;
  loop::Fd parts, room;
  std::array<int, kDescriptorsMax> descriptors{};
  std::size_t descriptor_count = 0;
};

Result<Packed> pack(const Request& request) {
  Packed packed;
  packed.ask.kind = AskKind::kAsk;
  packed.ask.facts = request.facts;
  packed.ask.room_bytes = request.room_bytes;
  for (std::size_t i = 0; i < kPartCount; ++i) {
    packed.ask.part_bytes.all[i] = request.parts.all[i].size();
  }
  const auto layout = layout_of(packed.ask.part_bytes, kAddressBytesMax);
  if (!layout) return fail(ErrorCode::kResolutionTooLarge, "over a gigabyte for a child");
  if (layout->end_bytes > 0) {
    std::array<Piece, kPartCount> pieces;
    for (std::size_t i = 0; i < kPartCount; ++i) {
      pieces[i] = {request.parts.all[i], layout->offsets.all[i]};
    }
    IMGRING_TRY(packed.parts, memory_file_of(pieces));
    packed.descriptors[packed.descriptor_count++] = packed.parts.get();
  }
  if (request.room_bytes > 0) {
    IMGRING_TRY(packed.room, empty_memory_file(request.room_bytes));
    packed.descriptors[packed.descriptor_count++] = packed.room.get();
  }
  return packed;
}

// Views of the room where the layout says.
Result<Parts<Bytes>> parts_in(int room, const Told& told, const Layout& layout) {
  Parts<Bytes> parts;
  if (layout.end_bytes == 0) return parts;
  IMGRING_TRY(Mapping mapping, Mapping::of(room, layout.end_bytes));
  const auto shared = std::make_shared<const Mapping>(std::move(mapping));
  for (std::size_t i = 0; i < kPartCount; ++i) {
    const std::uint64_t size = told.part_bytes.all[i];
    if (size == 0) continue;
    parts.all[i] = Bytes(shared->bytes().subspan(layout.offsets.all[i], size), shared);
  }
  return parts;
}

}  // namespace

std::string detail_of(const Told& told) {
  std::string text(told.detail, std::min<std::size_t>(told.detail_bytes, kDetailBytesMax));
  std::replace_if(text.begin(), text.end(), [](char c) { return c < 0x20 || c > 0x7E; }, '?');
  return text;
}

std::string words_of(int status) {
  if (status == kStatusUnknown) return "ended";
  if (WIFEXITED(status)) return "ended with status " + std::to_string(WEXITSTATUS(status));
  if (!WIFSIGNALED(status)) return "ended";
  const char* name = sigdescr_np(WTERMSIG(status));
  return "ended by signal " + std::to_string(WTERMSIG(status)) + " (" +
         (name != nullptr ? name : "unknown") + ")";
}

std::string last_words(int pipe) {
  constexpr std::size_t kMost = 3 << 10;  // one line of base/fatal_signal.cc
  char text[kMost];
  const ssize_t got = pipe >= 0 ? read(pipe, text, sizeof text) : 0;
  std::string words(text, got > 0 ? static_cast<std::size_t>(got) : 0);
  while (!words.empty() && words.back() == '\n') words.pop_back();
  std::replace_if(words.begin(), words.end(), [](char c) { return c < 0x20 || c > 0x7E; }, '?');
  return words;
}

mem::OwnMemory memory_of(pid_t pid) {
  char path[32], text[128];
  std::snprintf(path, sizeof path, "/proc/%d/statm", pid);
  std::FILE* file = std::fopen(path, "re");
  if (file == nullptr) return {};
  const std::size_t n = std::fread(text, 1, sizeof text, file);
  std::fclose(file);
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  return mem::parse_statm(std::string_view(text, n), page).value_or(mem::OwnMemory());
}

std::optional<std::chrono::nanoseconds> cpu_of(pid_t pid) noexcept {
  clockid_t clock{};
  timespec used{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
    return std::nullopt;
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

Job::Job(Children& pool, std::unique_ptr<Child> child, const JobNeeds& needs, const StopFlag& stop)
    : pool_(pool), child_(std::move(child)), kind_(*child_->kind), needs_(needs), stop_(stop),
      end_(SteadyClock::now() + pool.options_.time_max) {
  ++child_->jobs;
}

Job::~Job() { end(); }

Result<Answer> Job::ask(const Request& request) {
  IMGRING_TRY_VOID(check_time());
  if (child_ == nullptr) {
    return fail(ErrorCode::kBrokenImage,
                "this " + std::string(kind_.texts.one) + " lost its child before");
  }
  IMGRING_TRY(Packed packed, pack(request));
  packed.ask.seconds_max = static_cast<std::uint32_t>(pool_.options_.time_max.count());
  if (!std::exchange(asked_, true)) limit_addresses();
  IMGRING_TRY(const Told told,
              exchange(packed.ask, std::span(packed.descriptors).first(packed.descriptor_count)));
  const auto layout = layout_of(told.part_bytes, request.room_bytes);
  if (!layout) return std::unexpected(refute("told of more than there is room for"));
  if (request.room_bytes > 0 && !seal_content(packed.room.get(), layout->end_bytes)) {
    return std::unexpected(refute("kept hold of its answer"));
  }
  Answer answer;
  answer.facts = told.facts;
  IMGRING_TRY(answer.parts, parts_in(packed.room.get(), told, *layout));
  return answer;
}

Result<Told> Job::exchange(const Ask& ask, std::span<const int> descriptors) {
  const int socket = child_->process.socket.get();
  if (!send_packet(socket, &ask, sizeof ask, descriptors)) {
    return std::unexpected(refute("takes no question"));
  }
  Told told;
  const Patience patience{stop_, end_};
  switch (hear_packet(socket, &told, sizeof told, patience)) {
    case Heard::kPacket: break;
    case Heard::kEnd: return std::unexpected(refute("is gone"));
    case Heard::kOther: return std::unexpected(refute("gave an answer of another size"));
    case Heard::kStopped:
    case Heard::kLate: {
      stop_child();
      IMGRING_TRY_VOID(check_time());
      return fail(ErrorCode::kTimeout, "stopped");
    }
  }
  child_->most_bytes = std::max(child_->most_bytes, told.resident_bytes);
  if (told.good != 1) return std::unexpected(error_of(told, kind_));
  return told;
}

// Nobody waits for an answer any more.
Result<void> Job::check_time() const {
  if (stop_.stopped()) return std::unexpected(stop_error(stop_.reason()));
  if (SteadyClock::now() < end_) return {};
  return fail(ErrorCode::kTimeout,
              "the " + std::string(kind_.texts.one) + " took longer than IMGPROXY_TIMEOUT");
}

// It is told, where it listens, and may answer whatever it likes; or it is killed.
void Job::stop_child() {
  static const StopFlag kNever;
  if (kind_.stoppable && kill(child_->process.pid, kStopSignal) == 0) {
    Told told;
    const Patience patience{kNever, SteadyClock::now() + kStopTime};
    const Heard heard = hear_packet(child_->process.socket.get(), &told, sizeof told, patience);
    if (heard == Heard::kPacket) {
      child_->most_bytes = std::max(child_->most_bytes, told.resident_bytes);
      return;
    }
  }
  lose(Why::kStopped);
}

Error Job::refute(std::string_view what) {
  const std::string who = "the child that " + std::string(kind_.texts.does_one);
  return Error(ErrorCode::kBrokenImage, who + " " + std::string(what) + ": " + lose(Why::kDied));
}

// The child is given up: how it ended.
std::string Job::lose(Why why) {
  std::string how = "ended before";
  if (child_ != nullptr) {
    const Children::End end = pool_.bury(std::move(child_), why);
    how = words_of(end.status);
    if (why == Why::kDied) tell_of_death(how, end.words);
  }
  leave_turn();
  return how;
}

void Job::tell_of_death(std::string_view how, std::string_view words) const {
  if (pool_.options_.log == nullptr) return;
  std::vector<LogField> fields = {{"kind", std::string(kind_.name)}, {"end", std::string(how)}};
  if (!needs_.what.empty()) fields.push_back({"type", std::string(needs_.what)});
  if (!words.empty()) fields.push_back({"words", std::string(words)});
  pool_.options_.log->error("A child died over a picture", fields);
}

void Job::end() {
  if (child_ != nullptr) {
    const Ask end;
    send_packet(child_->process.socket.get(), &end, sizeof end);
    pool_.give_back(std::move(child_));
  }
  leave_turn();
}

void Job::leave_turn() {
  if (std::exchange(large_, false)) pool_.leave_large(kind_);
}

// What the job was granted, above what the child has mapped by now: libraries keep the addresses of
// jobs before, which may_stay bounds. One piece of its allocator's addresses at least, or nothing
// would ever be done. A child that is gone shows in the exchange.
void Job::limit_addresses() const {
  if (kSanitized) return;
  constexpr std::uint64_t kLeast = std::uint64_t{32} << 20;
  const std::uint64_t most = kind_.address_bytes_max;
  rlimit limit{most, most};
  if (needs_.memory_bytes != 0 && needs_.memory_bytes < most) {
    const std::uint64_t granted =
        std::max(needs_.memory_bytes, kLeast) + kind_.thread_address_bytes;
    const std::uint64_t now = memory_of(child_->process.pid).virtual_bytes;
    limit.rlim_cur = std::min<rlim_t>(std::max(child_->ready_bytes, now) + granted, most);
  }
  prlimit(child_->process.pid, RLIMIT_AS, &limit, nullptr);
}

}  // namespace imgring::sandbox
