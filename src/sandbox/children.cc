// The pool: who starts, who may stay, who ends.
#include "imgring/sandbox/children.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <thread>

#include "child.h"
#include "imgring/base/check.h"
#include "imgring/base/sanitized.h"
#include "talk.h"
#include "wire.h"

namespace imgring::sandbox {

using SteadyClock = Children::Clock;

namespace {

// In the list of those alive, of one that is about to be.
constexpr pid_t kPlace = 0;

}  // namespace

Children::Children(ChildrenOptions options) : options_(std::move(options)) {
  if (options_.warm_max == 0) options_.warm_max = options_.children_max;
  if (!options_.start) options_.start = [](const Kind& kind) { return start_process(kind); };
}

Children::~Children() {
  while (ChildPtr child = take_idle(nullptr)) bury(std::move(child), Job::Why::kRetired);
  IMGRING_CHECK(alive_.empty());
}

Result<std::unique_ptr<Job>> Children::begin(const Kind& kind, const JobNeeds& needs,
                                             const StopFlag& stop) {
  const bool large = kind.large_bytes != 0 && needs.source_bytes >= kind.large_bytes;
  if (large) IMGRING_TRY_VOID(enter_large(kind, stop));
  auto child = take(kind, stop);
  if (!child) {
    if (large) leave_large(kind);
    return std::unexpected(std::move(child).error());
  }
  auto job = std::make_unique<Job>(*this, std::move(*child), needs, stop);
  job->large_ = large;
  return job;
}

Result<void> Children::enter_large(const Kind& kind, const StopFlag& stop) {
  constexpr std::chrono::milliseconds kLook(10);
  const auto end = SteadyClock::now() + options_.time_max;
  std::unique_lock lock(mutex_);
  while (std::ranges::find(large_, &kind) != large_.end()) {
    if (stop.stopped()) return std::unexpected(stop_error(stop.reason()));
    if (SteadyClock::now() > end) {
      return fail(ErrorCode::kTimeout,
                  "large " + std::string(kind.texts.one) + "s before this one");
    }
    large_left_.wait_for(lock, kLook);
  }
  large_.push_back(&kind);
  return {};
}

void Children::leave_large(const Kind& kind) {
  {
    const std::lock_guard lock(mutex_);
    std::erase(large_, &kind);
  }
  large_left_.notify_all();
}

// The one that worked last, so that the others may end. Null: of any kind.
Children::ChildPtr Children::take_idle(const Kind* kind) {
  const std::lock_guard lock(mutex_);
  const auto fits = [kind](const ChildPtr& child) {
    return kind == nullptr || child->kind == kind;
  };
  const auto found = std::find_if(idle_.rbegin(), idle_.rend(), fits);
  if (found == idle_.rend()) return nullptr;
  ChildPtr child = std::move(*found);
  idle_.erase(std::next(found).base());
  child->idle.reset();
  return child;
}

Result<Children::ChildPtr> Children::take(const Kind& kind, const StopFlag& stop) {
  while (ChildPtr child = take_idle(&kind)) {
    siginfo_t state{};
    const auto id = static_cast<id_t>(child->process.pid);
    const bool asked = waitid(P_PID, id, &state, WEXITED | WNOHANG | WNOWAIT) == 0;
    const bool lives = asked && state.si_pid == 0;
    const std::string wild = lives ? does_idle(*child) : "";
    if (lives && wild.empty()) return child;
    if (!wild.empty()) tell_of_wild(*child, wild);
    bury(std::move(child), Job::Why::kDied);  // while it was idle: no source's fault
  }
  auto child = start_child(kind, stop);
  if (child || child.error().code != ErrorCode::kInternal) return child;
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = std::ranges::find(told_, &kind) == told_.end();
    if (first) told_.push_back(&kind);
  }
  if (first && options_.log != nullptr) {
    const std::string text = std::string(kind.texts.broken) + ": " + child.error().detail;
    kind.dispensable ? options_.log->warning(text) : options_.log->error(text);
  }
  return child;
}

// A place for one more. Children that wait for work of another kind make room.
Result<void> Children::take_place(const Kind& kind) {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      const bool in_the_way = !idle_.empty() && alive_.size() >= options_.warm_max;
      if (!in_the_way && alive_.size() < options_.children_max) {
        alive_.push_back({kPlace, &kind});
        return {};
      }
    }
    ChildPtr other = take_idle(nullptr);
    if (other == nullptr) {
      return fail(ErrorCode::kOverloaded,
                  "every child that " + std::string(kind.texts.does) + " is busy");
    }
    bury(std::move(other), Job::Why::kRetired);
  }
}

Result<Children::ChildPtr> Children::start_child(const Kind& kind, const StopFlag& stop) {
  IMGRING_TRY_VOID(take_place(kind));
  auto process = options_.start(kind);
  auto child = std::make_unique<Child>();
  {
    const std::lock_guard lock(mutex_);
    const auto place = std::ranges::find_if(
        alive_, [&](const Alive& one) { return one.pid == kPlace && one.kind == &kind; });
    if (!process) {
      alive_.erase(place);
      Error error = std::move(process).error();
      if (error.code == ErrorCode::kInternal) error.code = judge_shut_out(kind);
      return std::unexpected(std::move(error));
    }
    ++count_of(kind).started;
    place->pid = process->pid;
  }
  child->kind = &kind;
  child->process = std::move(*process);
  Told told;
  const Patience patience{stop, SteadyClock::now() + options_.start_max};
  const Heard heard = hear_packet(child->process.socket.get(), &told, sizeof told, patience);
  if (heard == Heard::kPacket && told.good == 1) {
    const mem::OwnMemory ready = memory_of(child->process.pid);
    child->ready_bytes = ready.virtual_bytes;
    child->ready_anon_bytes = ready.rss_anon_bytes;
    const std::lock_guard lock(mutex_);
    if (std::ranges::find(was_ready_, &kind) == was_ready_.end()) was_ready_.push_back(&kind);
    return child;
  }
  return std::unexpected(not_ready(std::move(child), heard, told, stop));
}

ErrorCode Children::judge_shut_out(const Kind& kind) {
  const bool before = std::ranges::find(was_ready_, &kind) != was_ready_.end();
  if (kind.dispensable && before) return ErrorCode::kOverloaded;
  given_up_.push_back(&kind);
  return ErrorCode::kInternal;
}

// What became of one that did not say that it is ready.
Error Children::not_ready(ChildPtr child, Heard heard, const Told& told, const StopFlag& stop) {
  const std::string who = "the child that " + std::string(child->kind->texts.does);
  if (heard == Heard::kStopped) {
    bury(std::move(child), Job::Why::kStopped);
    return stop_error(stop.reason());
  }
  if (heard == Heard::kLate) {  // a busy machine, no broken one
    bury(std::move(child), Job::Why::kStopped);
    return Error(ErrorCode::kOverloaded, who + " did not start in time");
  }
  const bool says_why = heard == Heard::kPacket;
  const std::string why = says_why ? detail_of(told) : "it says nothing";
  const Kind& kind = *child->kind;
  const int status = bury(std::move(child), Job::Why::kDied).status;
  if (says_why && told.good == 0 &&
      told.code == static_cast<std::uint32_t>(ErrorCode::kOverloaded)) {
    return Error(ErrorCode::kOverloaded, who + " can't start: " + why);
  }
  // Killed by somebody, as at any other moment; by itself it ends where it can't work at all.
  const bool killed = heard == Heard::kEnd && WIFSIGNALED(status);
  ErrorCode code = killed ? ErrorCode::kBrokenImage : ErrorCode::kInternal;
  if (says_why && told.shut_out == 1) {
    const std::lock_guard lock(mutex_);
    code = judge_shut_out(kind);
  }
  return Error(code, who + " can't start: " + why + "; it " + words_of(status));
}

// Its place among the idle ones, where the budget has one.
bool Children::grant_idle(Child& child, std::uint64_t bytes) {
  mem::Budget* budget = options_.idle_budget;
  if (budget == nullptr) return true;
  {
    const std::lock_guard lock(mutex_);
    std::uint64_t idle = bytes;
    for (const ChildPtr& other : idle_) idle += other->idle.bytes();
    if (idle > mem::idle_children_bytes_max(budget->max())) return false;
  }
  auto grant = budget->try_grant(bytes);
  if (grant) child.idle = std::move(*grant);
  return grant.has_value();
}

// It was told that its job is over, and gives back what that took meanwhile. The kernel is asked:
// nobody has to believe a child.
bool Children::may_stay(Child& child) {
  const auto end = SteadyClock::now() + kSettleTime;
  if (!grant_idle(child, mem::kIdleChildBytes)) return false;
  child.idle.reset();
  for (;;) {
    const mem::OwnMemory now = memory_of(child.process.pid);
    const std::uint64_t anon = now.rss_anon_bytes;
    // Addresses are no memory, but a later job could fill them above what it is granted.
    constexpr std::uint64_t kGrownAddresses = std::uint64_t{64} << 20;
    const std::uint64_t addresses_max =
        child.ready_bytes + std::max(child.kind->thread_address_bytes, kGrownAddresses);
    const bool grown = anon > child.ready_anon_bytes + kGrownBytes ||
                       (!kSanitized && now.virtual_bytes > addresses_max);
    if (!grown && grant_idle(child, std::max(anon, mem::kIdleChildBytes))) {
      child.idle_bytes = anon;
      return true;
    }
    if (SteadyClock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void Children::give_back(ChildPtr child) {
  const bool worn = child->jobs >= options_.jobs_max || child->most_bytes > kKeptBytes;
  if (worn || more_than_warm() || !may_stay(*child)) {
    bury(std::move(child), Job::Why::kRetired);
    return;
  }
  child->idle_since = SteadyClock::now();
  child->cpu_when_idle =
      cpu_of(child->process.pid).value_or(std::chrono::hours(24 * 365));  // none is busier
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(child));
}

Children::End Children::bury(ChildPtr child, Job::Why why) {
  const pid_t pid = child->process.pid;
  child->process.socket.reset();
  End end;
  pid_t reaped = 0;
  // One that closed its socket may be about to say how it ended.
  constexpr int kLastWordsMs = 100;
  for (int ms = 0; why == Job::Why::kDied && reaped == 0 && ms < kLastWordsMs; ++ms) {
    reaped = waitpid(pid, &end.status, WNOHANG);
    if (reaped == 0) usleep(1000);
  }
  if (reaped == 0) {
    kill(pid, SIGKILL);
    do {
      reaped = waitpid(pid, &end.status, 0);
    } while (reaped < 0 && errno == EINTR);
  }
  if (reaped != pid) end.status = kStatusUnknown;
  if (why == Job::Why::kDied) end.words = last_words(child->process.words.get());
  const std::lock_guard lock(mutex_);
  std::erase_if(alive_, [pid](const Alive& one) { return one.pid == pid; });
  if (why == Job::Why::kDied) ++count_of(*child->kind).died;
  if (why == Job::Why::kStopped) ++count_of(*child->kind).stopped;
  return end;
}

bool Children::more_than_warm() const {
  const std::lock_guard lock(mutex_);
  return alive_.size() > options_.warm_max;
}

// Under the lock.
ChildrenNumbers& Children::count_of(const Kind& kind) {
  const auto found = std::ranges::find(counts_, &kind, &Count::kind);
  if (found != counts_.end()) return found->numbers;
  return counts_.emplace_back(&kind, ChildrenNumbers()).numbers;
}

// What it does without a job: it was taken over, or a library of it runs wild. Giving back memory
// takes some 20 ms behind a job.
std::string Children::does_idle(const Child& child) {
  const auto used = cpu_of(child.process.pid);
  if (used && *used > child.cpu_when_idle + kIdleCpuMax) {
    const auto ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(*used - child.cpu_when_idle);
    return "used " + std::to_string(ms.count()) + " ms of CPU";
  }
  const std::uint64_t anon = memory_of(child.process.pid).rss_anon_bytes;
  if (anon <= std::max(child.idle_bytes, mem::kIdleChildBytes) + kGrownBytes) return {};
  return "grew to " + std::to_string(anon) + " bytes";
}

// It may not go on while its last words are waited for.
void Children::tell_of_wild(const Child& child, std::string_view what) const {
  kill(child.process.pid, SIGKILL);
  if (options_.log == nullptr) return;
  options_.log->error("A child without a job " + std::string(what),
                      {{"kind", std::string(child.kind->name)}});
}

void Children::end_idle(Clock::time_point since) {
  std::vector<ChildPtr> ending;
  std::vector<std::pair<ChildPtr, std::string>> wild;
  {
    const std::lock_guard lock(mutex_);
    for (ChildPtr& child : idle_) {
      std::string what = does_idle(*child);
      if (!what.empty()) {
        wild.emplace_back(std::move(child), std::move(what));
      } else if (child->idle_since <= since) {
        ending.push_back(std::move(child));
      }
    }
    std::erase(idle_, nullptr);
  }
  for (ChildPtr& child : ending) bury(std::move(child), Job::Why::kRetired);
  for (auto& [child, what] : wild) {
    tell_of_wild(*child, what);
    bury(std::move(child), Job::Why::kDied);
  }
}

bool Children::any() const {
  const std::lock_guard lock(mutex_);
  return !alive_.empty();
}

bool Children::gave_up(const Kind& kind) const {
  const std::lock_guard lock(mutex_);
  return kind.dispensable && std::ranges::find(given_up_, &kind) != given_up_.end();
}

ChildrenNumbers Children::numbers(const Kind& kind) const {
  const std::lock_guard lock(mutex_);
  ChildrenNumbers out;
  const auto counted = std::ranges::find(counts_, &kind, &Count::kind);
  if (counted != counts_.end()) out = counted->numbers;
  for (const Alive& one : alive_) {
    if (one.kind != &kind) continue;
    ++out.alive;
    if (one.pid == kPlace) continue;
    const mem::OwnMemory memory = memory_of(one.pid);
    out.resident_bytes += memory.rss_bytes;
    out.anon_bytes += memory.rss_anon_bytes;
  }
  return out;
}

ChildrenNumbers Children::numbers() const {
  std::vector<const Kind*> kinds;
  {
    const std::lock_guard lock(mutex_);
    for (const Count& one : counts_) kinds.push_back(one.kind);
  }
  ChildrenNumbers out;
  for (const Kind* kind : kinds) {
    const ChildrenNumbers one = numbers(*kind);
    out.started += one.started;
    out.died += one.died;
    out.stopped += one.stopped;
    out.alive += one.alive;
    out.resident_bytes += one.resident_bytes;
    out.anon_bytes += one.anon_bytes;
  }
  return out;
}

}  // namespace imgring::sandbox
