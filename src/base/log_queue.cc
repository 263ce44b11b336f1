// The thread that writes the log.
#include "imgring/base/log_queue.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>
#include <thread>

#include "imgring/base/check.h"
#include "log_ring.h"

namespace imgring {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// While lines come, the thread looks for more so often and nobody wakes it, unless the ring fills:
// a wake costs those who log more than a line does.
constexpr milliseconds kTick(5);
constexpr int kEmptyTicksMax = 2;  // in a row; then it sleeps until it is woken
constexpr std::size_t kFillingPart = 4;
// Between two lines about dropped ones: a reader that is only slow must not read nothing else.
constexpr std::chrono::seconds kSayDroppedEvery(1);
// Between two looks whether the process still waits for a descriptor that takes nothing.
constexpr milliseconds kWriteLook(50);
constexpr std::chrono::microseconds kFlushLook(200);
// The last word of a process whose invariant broke.
constexpr milliseconds kLastWordTime(200);
constexpr std::chrono::hours kQuietTime(1);  // a wait without an end, in effect
// Whole lines in one write: up to so many bytes a pipe takes all or nothing, so that lines of
// others who write to it do not come into ours.
constexpr std::size_t kBatchBytes = PIPE_BUF;

// Of the ring, what is kept free for lines that matter more; in the order of LogLevel.
constexpr std::size_t kKeptFreeParts = 16;
constexpr std::array<std::size_t, 5> kKeptFree = {4, 4, 1, 1, 0};

using Futex = std::atomic<std::uint32_t>;
constexpr std::uint32_t kAwake = 0, kTicking = 1, kAsleep = 2;

// Until it is woken or no longer `value`; it may end early.
void futex_wait(Futex& word, std::uint32_t value, Clock::duration limit) noexcept {
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(limit).count();
  if (ns <= 0) return;
  const timespec time{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, &time, nullptr, 0);
}

void futex_wake(Futex& word) noexcept {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

struct Written {
  int error = 0;          // 0: all of it
  std::string_view left;  // what was not
};

// A descriptor that takes nothing is waited for until it does, or `go_on` says no.
template <class GoOn>
Written write_whole(int fd, std::string_view text, GoOn go_on) noexcept {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
      continue;
    }
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno != EAGAIN) return {errno, text};
    if (!go_on()) return {ECANCELED, text};
    pollfd room{.fd = fd, .events = POLLOUT, .revents = 0};
    poll(&room, 1, static_cast<int>(kWriteLook.count()));
  }
  return {};
}

// A process that breaks has nobody to ask for its queue: the one that runs.
std::atomic<LogQueue*> running_queue{nullptr};

}  // namespace

struct LogQueue::State {
  explicit State(const LogQueueOptions& o)
      : options(o), fd(fcntl(o.fd, F_DUPFD_CLOEXEC, 0)), ring(o.ring_bytes) {}
  ~State() {
    if (fd >= 0) close(fd);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void run() noexcept;
  std::size_t take_batch() noexcept;
  void write_batch() noexcept;
  void say_dropped() noexcept;
  bool dropped_unsaid() const noexcept;
  Clock::duration sleep_limit() const noexcept;
  void rest(std::uint32_t how, Clock::duration limit) noexcept;
  void wake() noexcept;
  void hurry() noexcept;
  bool wait_written(milliseconds limit) noexcept;

  const LogQueueOptions options;
  const int fd;  // our own: a thread that still hangs in a write must not find another file there
  LogRing ring;
  std::atomic<std::uint64_t> dropped{0};
  std::atomic<std::uint64_t> written{0};  // position in the ring
  alignas(64) Futex resting{kAwake};      // how the writer waits for a line
  std::atomic<int> hurried{0};            // how many wait for it, so that it does not rest
  std::atomic<bool> stopping{false}, abandoned{false}, ended{false};

  // The writer's own.
  std::array<char, std::max(kBatchBytes, kLogLineBytesMax) + 1> batch;
  std::size_t batch_bytes = 0;
  bool torn = false;       // a write ended within a line
  std::uint64_t said = 0;  // of the dropped
  int last_error = 0;      // of a write; 0: the last one was taken
  int lost_by = 0;         // the error that lines were lost by since it was said
  int empty_ticks = 0;
  Clock::time_point said_at{};
};

// Whole lines up to kBatchBytes, or one longer line; how many.
std::size_t LogQueue::State::take_batch() noexcept {
  std::size_t lines = 0;
  batch_bytes = 0;
  if (torn) batch[batch_bytes++] = '\n';
  for (std::size_t size = 0; (size = ring.next_size()) > 0; ++lines) {
    if (lines > 0 && batch_bytes + size > kBatchBytes) break;
    ring.take(batch.data() + batch_bytes);
    batch_bytes += size;
  }
  return lines;
}

void LogQueue::State::write_batch() noexcept {
  const std::string_view text(batch.data(), batch_bytes);
  const Written done =
      write_whole(fd, text, [this] { return !abandoned.load(std::memory_order_relaxed); });
  last_error = done.error;
  if (done.error == 0) {
    torn = false;
  } else {
    lost_by = done.error;
    const std::size_t taken_bytes = text.size() - done.left.size();
    if (taken_bytes > 0) torn = text[taken_bytes - 1] != '\n';
    const auto lines = std::count(done.left.begin(), done.left.end(), '\n');
    dropped.fetch_add(static_cast<std::uint64_t>(lines), std::memory_order_relaxed);
  }
  written.store(ring.taken(), std::memory_order_release);
}

bool LogQueue::State::dropped_unsaid() const noexcept {
  return dropped.load(std::memory_order_relaxed) != said && last_error == 0;
}

// Once the descriptor takes lines again and the ring is half empty.
void LogQueue::State::say_dropped() noexcept {
  if (!dropped_unsaid()) return;
  const auto now = Clock::now();
  const bool stop = stopping.load(std::memory_order_relaxed);
  const bool flows = ring.pushed() - ring.taken() <= ring.size_bytes() / 2;
  if (!stop && (!flows || now - said_at < kSayDroppedEvery)) return;
  const std::uint64_t all = dropped.load(std::memory_order_relaxed);
  LogGroup fields{{"lines", static_cast<std::int64_t>(all - said)}};
  if (lost_by != 0) {
    fields.push_back({"error", std::generic_category().message(lost_by)});
  }
  const std::string text = std::to_string(all - said) + " lines were dropped because the log's " +
                           (lost_by != 0 ? "descriptor refused them" : "reader was slow");
  const Logger words(options.format, LogLevel::kDebug);
  const std::string priority = options.priorities ? "<4>" : "";
  const std::string line = priority + words.line(LogLevel::kWarning, text, fields) + '\n';
  batch_bytes = line.copy(batch.data(), batch.size());
  write_batch();
  if (last_error != 0) {  // it counted itself
    dropped.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  said = all;
  said_at = now;
  lost_by = 0;
}

// Writes until the process leaves.
void LogQueue::State::run() noexcept {
  while (!abandoned.load(std::memory_order_relaxed)) {
    const std::size_t lines = take_batch();
    if (lines > 0) write_batch();
    say_dropped();
    if (lines > 0) {
      empty_ticks = 0;
      continue;
    }
    if (stopping.load(std::memory_order_acquire) && ring.next_size() == 0) break;
    if (++empty_ticks <= kEmptyTicksMax) {
      rest(kTicking, kTick);
    } else {
      rest(kAsleep, sleep_limit());
    }
  }
  ended.store(true, std::memory_order_release);
}

// A count of dropped lines that may not be said yet is said in time.
Clock::duration LogQueue::State::sleep_limit() const noexcept {
  if (!dropped_unsaid()) return kQuietTime;
  return std::max<Clock::duration>(said_at + kSayDroppedEvery - Clock::now(), kTick);
}

// Who pushes a line either sees that we rest, or we see the line.
void LogQueue::State::rest(std::uint32_t how, Clock::duration limit) noexcept {
  resting.store(how, std::memory_order_seq_cst);
  if (ring.next_size() == 0 && hurried.load(std::memory_order_seq_cst) == 0) {
    futex_wait(resting, how, limit);
  }
  resting.store(kAwake, std::memory_order_seq_cst);
}

void LogQueue::State::wake() noexcept {
  const std::uint32_t how = resting.load(std::memory_order_seq_cst);
  if (how == kAwake) return;
  const bool filling = ring.pushed() - ring.taken() > ring.size_bytes() / kFillingPart;
  if (how == kTicking && !filling && hurried.load(std::memory_order_relaxed) == 0) return;
  if (resting.exchange(kAwake, std::memory_order_seq_cst) != kAwake) futex_wake(resting);
}

void LogQueue::State::hurry() noexcept {
  hurried.fetch_add(1, std::memory_order_seq_cst);
  wake();
}

bool LogQueue::State::wait_written(milliseconds limit) noexcept {
  const auto until = Clock::now() + limit;
  const std::uint64_t target = ring.pushed();
  hurry();
  while (written.load(std::memory_order_acquire) < target && Clock::now() < until) {
    std::this_thread::sleep_for(kFlushLook);
  }
  hurried.fetch_sub(1, std::memory_order_seq_cst);
  return written.load(std::memory_order_acquire) >= target;
}

// Signals are other threads' business: a reader that is gone is an error of write(2), no SIGPIPE.
LogQueue::LogQueue(const LogQueueOptions& options) : state_(std::make_shared<State>(options)) {
  IMGRING_CHECK(options.ring_bytes >= 2 * kLogLineBytesMax);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread thread([state = state_] { state->run(); });
    pthread_setname_np(thread.native_handle(), "log");
    thread.detach();  // nobody may have to wait for its end
  } catch (const std::system_error&) {
    state_->ended.store(true);  // no thread to be had: lines are written straight
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  running_queue.store(this, std::memory_order_release);
}

LogQueue::~LogQueue() {
  LogQueue* self = this;
  running_queue.compare_exchange_strong(self, nullptr);
  const auto until = Clock::now() + state_->options.flush_time;
  state_->stopping.store(true, std::memory_order_release);
  state_->hurry();
  while (!state_->ended.load(std::memory_order_acquire) && Clock::now() < until) {
    std::this_thread::sleep_for(kFlushLook);
  }
  state_->abandoned.store(true, std::memory_order_relaxed);
}

void LogQueue::push(LogLevel level, std::string_view line) noexcept {
  IMGRING_CHECK(!line.empty());
  IMGRING_CHECK(line.size() <= kLogLineBytesMax);
  if (state_->ended.load(std::memory_order_relaxed)) {
    return write_log_straight(state_->fd, line);
  }
  const std::size_t part = kKeptFree[static_cast<std::size_t>(level)];
  const std::size_t kept_free = state_->ring.size_bytes() / kKeptFreeParts * part;
  if (!state_->ring.push(line, kept_free)) {
    state_->dropped.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  state_->wake();
}

bool LogQueue::flush(std::optional<milliseconds> limit) noexcept {
  return state_->wait_written(limit.value_or(state_->options.flush_time));
}

bool LogQueue::priorities() const noexcept { return state_->options.priorities; }

bool is_journal(int fd) noexcept {
  const char* told = std::getenv("JOURNAL_STREAM");
  struct stat facts{};
  if (told == nullptr || fstat(fd, &facts) != 0) return false;
  const std::string own = std::to_string(facts.st_dev) + ":" + std::to_string(facts.st_ino);
  return own == told;
}

std::uint64_t LogQueue::dropped() const noexcept {
  return state_->dropped.load(std::memory_order_relaxed);
}

void write_log_straight(int fd, std::string_view line) noexcept {
  static_cast<void>(write_whole(fd, line, [] { return true; }));
}

// Clocks, futexes and atomics are all it touches: signal handlers call it.
void flush_log_for_the_end() noexcept {
  LogQueue* queue = running_queue.load(std::memory_order_acquire);
  if (queue != nullptr) queue->flush(kLastWordTime);
}

}  // namespace imgring
