// Child processes for work that nobody can vouch for (hardening.md section 5). A child is this
// program started again, which shuts itself in: no files, no network, bounded addresses, seconds of
// CPU. Bytes go there and back in memory files whose sizes the server set.
// Owns: the children, their sockets and their deaths. Any helper thread; one job has one child to
// itself, so there are hardly more children than helpers, of all kinds together. They start at the
// first job.
// Promises: no job outlives its stop flag or `time_max` by more than kStopTime; a child that lies,
// dies or goes on is killed, reaped and counted; a child may map what it had when it was ready and
// what its job was granted, and has few descriptors; children without work do nothing, are in the
// ledger and end at a tick; nothing is left at the end.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/base/bytes.h"
#include "imgring/base/log.h"
#include "imgring/base/stop.h"
#include "imgring/loop/io.h"
#include "imgring/mem/ledger.h"
#include "imgring/sandbox/kind.h"

namespace imgring::sandbox {

// Jobs after which a child is replaced: whatever they leave behind in it goes.
inline constexpr int kJobsMax = 1000;
// What a child that was told to stop may take for it.
inline constexpr std::chrono::milliseconds kStopTime{100};
// A child that said after any answer that it held more is ended after its job, so that memory comes
// back at once.
inline constexpr std::uint64_t kKeptBytes = std::uint64_t{128} << 20;
// A child gives back what its job took. One that has so much more for itself alone than it had when
// it was ready, kSettleTime after its job, is ended: 0.1 to 0.8 MB stay after most drawings.
inline constexpr std::uint64_t kGrownBytes = mem::kIdleChildBytes;
inline constexpr std::chrono::milliseconds kSettleTime{20};
// One that uses more CPU while it has no job, or takes kGrownBytes more, is ended at the next tick
// or job, and counts as one that died.
inline constexpr std::chrono::milliseconds kIdleCpuMax{1000};

struct ChildProcess {
  pid_t pid = -1;
  loop::Fd socket;
  loop::Fd words;  // what it says at its end (base/fatal_signal.h); never waited for
};

struct ChildrenOptions {
  // Alive at once: a job has one child, and now and then a second for a second source. Those that
  // wait for work: a child for each helper thread; 0: as many as may be alive.
  unsigned children_max = 1, warm_max = 0;
  std::chrono::seconds time_max{11};  // of one job; the same in seconds of CPU
  std::chrono::milliseconds start_max{10000};
  int jobs_max = kJobsMax;
  // Empty: this program (tests bring their own).
  std::function<Result<ChildProcess>(const Kind&)> start;
  // Holds what each child without work has for itself alone, kIdleChildBytes at least, in half of
  // it; null: nothing is asked.
  mem::Budget* idle_budget = nullptr;
  const Logger* log = nullptr;  // null: nobody is told of children that die or don't start
};

struct ChildrenNumbers {
  std::uint64_t started = 0;
  std::uint64_t died = 0;     // by themselves, or for an answer that was none
  std::uint64_t stopped = 0;  // by us, at a deadline or because the client left
  std::uint64_t alive = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t anon_bytes = 0;  // of these, what is no file's: the libraries' pages are shared
};

// The program as "imgring sandbox-worker KIND", with an empty environment but for languages,
// libraries and what the kind names.
Result<ChildProcess> start_process(const Kind& kind, const char* program = "/proc/self/exe");

struct JobNeeds {
  std::size_t source_bytes = 0;
  std::uint64_t memory_bytes = 0;  // that the child may take for it; 0: up to its kind's limit
  std::string_view what = {};      // for the log: the type of a picture; lives as long as the job
};

struct Answer {
  Facts facts;
  Parts<Bytes> parts;  // views of one mapping, which lives as long as any of them
};

struct Ask;
struct Child;
struct Told;
class Children;
enum class Heard : std::uint8_t;

// One job in one child, from its first question to the last. Helper threads; its stop flag must
// outlive it.
class Job {
 public:
  // Begun by Children::begin.
  Job(Children& pool, std::unique_ptr<Child> child, const JobNeeds& needs, const StopFlag& stop);
  ~Job();
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  // The bytes of the request must live until it returns. What the child says of sizes is checked,
  // what it says of the picture is not.
  Result<Answer> ask(const Request& request);
  // No more questions: the child may have the next job.
  void end();
  // What it said can't be: the child ends, and this is the error for its source.
  Error refute(std::string_view what);

 private:
  friend class Children;
  enum class Why : std::uint8_t { kRetired, kStopped, kDied };
  Result<void> check_time() const;
  void stop_child();
  void tell_of_death(std::string_view how, std::string_view words) const;
  Result<Told> exchange(const Ask& ask, std::span<const int> descriptors);
  std::string lose(Why why);
  void leave_turn();
  void limit_addresses() const;

  Children& pool_;
  std::unique_ptr<Child> child_;
  const Kind& kind_;
  JobNeeds needs_;
  const StopFlag& stop_;
  std::chrono::steady_clock::time_point end_;
  bool asked_ = false;
  bool large_ = false;  // it leaves its turn at the end
};

class Children {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Children(ChildrenOptions options);
  ~Children();  // no job may be left
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  // Waits for the child to start, and for a large job of its kind to end.
  Result<std::unique_ptr<Job>> begin(const Kind& kind, const JobNeeds& needs, const StopFlag& stop);
  // Ends children that had no work since then, and those that did something without. Takes
  // milliseconds: helpers only.
  void end_idle(Clock::time_point since);
  bool any() const;                 // a child lives
  ChildrenNumbers numbers() const;  // of all kinds
  ChildrenNumbers numbers(const Kind& kind) const;
  // No child of it can be shut in on this machine, and it is dispensable: one tried and was
  // refused.
  bool gave_up(const Kind& kind) const;

 private:
  friend class Job;
  using ChildPtr = std::unique_ptr<Child>;
  Result<ChildPtr> take(const Kind& kind, const StopFlag& stop);
  Result<ChildPtr> start_child(const Kind& kind, const StopFlag& stop);
  Result<void> take_place(const Kind& kind);
  // Of a dispensable kind of which one could be: a shortage, whatever the kernel calls it. Under
  // mutex_.
  ErrorCode judge_shut_out(const Kind& kind);
  Error not_ready(ChildPtr child, Heard heard, const Told& told, const StopFlag& stop);
  ChildPtr take_idle(const Kind* kind);
  Result<void> enter_large(const Kind& kind, const StopFlag& stop);
  void leave_large(const Kind& kind);
  void give_back(ChildPtr child);
  bool may_stay(Child& child);
  static std::string does_idle(const Child& child);
  void tell_of_wild(const Child& child, std::string_view what) const;
  bool grant_idle(Child& child, std::uint64_t bytes);
  // Killed if it still runs, and reaped.
  struct End {
    int status = 0;     // of waitpid; kStatusUnknown
    std::string words;  // what it said
  };
  End bury(ChildPtr child, Job::Why why);
  ChildrenNumbers& count_of(const Kind& kind);
  bool more_than_warm() const;

  ChildrenOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable large_left_;
  std::vector<const Kind*> large_;      // at work
  std::vector<const Kind*> told_;       // the log knows that no child of it starts
  std::vector<const Kind*> was_ready_;  // a child of it could be shut in
  std::vector<const Kind*> given_up_;   // no child of it can be
  std::vector<ChildPtr> idle_;
  struct Alive {
    pid_t pid;
    const Kind* kind;
  };
  std::vector<Alive> alive_;
  struct Count {
    const Kind* kind;
    ChildrenNumbers numbers;
  };
  std::vector<Count> counts_;
};

}  // namespace imgring::sandbox
