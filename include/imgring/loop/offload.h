// CPU work for helper threads, owned by the core that started it.
//
//   auto ticket = registry.start(pool, closure);  // on the loop; the closure runs on a helper
//   auto result = co_await ticket->wait(scope);   // nullopt: the scope ended first
//
// A job belongs to its core, not to its request (decision 1): closure, result and whatever they own
// live in the JobRegistry until the helper is done. A ticket that is dropped detaches: a job that
// has not begun leaves the queue there and then; the late return of one that runs only destroys the
// closure and the result. Both on the loop's thread.
//
// Two lanes, so that pictures which take long to encode (AVIF above all) do not hold up the others:
// each lane has its own first-in first-out queue and its own IMGPROXY_WORKERS threads, and the
// kernel shares the processors out. The patient lane's threads are at a nice value that weighs a
// third of the quick lane's (and so are the threads that an encoder starts from them). From that
// follows, for any number of threads and processors, one included:
//   * a quick job never waits for a patient one to end: the kernel takes the processor from it;
//   * while both lanes have work, the quick lane keeps about 3 of 4 parts of the processors, and
//     the patient lane 1 of 4: neither starves, whatever the other is given;
//   * what a lane does not use, the other has: one kind of work alone gets everything.
// Where the kernel refuses the nice values, lanes share in halves. Beside other programs of one
// control group the patient lane is as weak as its weight says: give imgring a group of its own, as
// its unit and every container do. The patient lane's threads begin with its first job.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "imgring/base/check.h"
#include "imgring/base/shortage.h"
#include "imgring/loop/backlog.h"
#include "imgring/loop/loop.h"

namespace imgring::loop {

class JobRegistry;
class HelperLane;

enum class Lane : std::uint8_t { kQuick, kPatient };
inline constexpr std::size_t kLaneCount = 2;

// What a job is expected to take; the default is for what takes next to nothing.
struct JobCost {
  Lane lane = Lane::kQuick;
  Backlog::Work work{0};
  // Of it, what the plan is sure of: no picture of such a size takes less (Backlog::certain).
  Backlog::Work least{0};
  // Holds so much memory that few of its kind run at a time in a lane (large_jobs_max); others go
  // past it in the queue.
  bool large = false;
};
// A quarter of the threads, at least one.
constexpr unsigned large_jobs_max(unsigned threads) noexcept {
  return threads < 8 ? 1 : threads / 4;
}

// One piece of work. Closure and result belong to the derived class; the links to its core.
class Job : RemoteTask {
 public:
  ~Job() override = default;

 protected:
  // Helper thread. False: it gave an error, or less than all of its work.
  virtual bool run() noexcept = 0;

 private:
  friend class HelperLane;
  friend class JobRegistry;
  friend class TicketBase;
  void arrive() noexcept final;
  JobRegistry* registry_ = nullptr;
  HelperLane* lane_ = nullptr;
  Backlog::Work work_{0}, least_{0};
  bool large_ = false;
  class TicketBase* ticket_ = nullptr;  // null: detached
  Clock::time_point queued_at_{};
  Clock::time_point started_at_{};
  bool done_ = false;
};

// Starts a thread that runs `body` and gives what joins it; empty: the system has no more threads
// for us, and nothing runs.
using StartThread = std::function<void()> (*)(std::function<void()> body);
// One of std::thread.
std::function<void()> start_thread(std::function<void()> body);

// What the process wants done on helper threads besides jobs; plain functions of any module.
struct HelperHooks {
  // A library may serve threads of its own making better than foreign ones.
  StartThread start = start_thread;
  void (*after_job)() noexcept = nullptr;  // each job (what libvips keeps for the thread)
  // Memory-release tick, only while the queue is empty. With it a lane has a spare thread: one at a
  // time collects, so that a job never waits for that (decision 10).
  void (*collect)() noexcept = nullptr;
  void (*thread_end)() noexcept = nullptr;
  // By which running jobs are timed.
  const TimeSource* time = &system_time();
};

// W threads over one bounded first-in first-out queue, and a spare one where HelperHooks::collect
// is set: at most W run jobs. Threads that could not be started are tried again with later jobs;
// those that run do the work meanwhile, and without any jobs are refused. Any thread.
class HelperLane {
 public:
  struct Options {
    unsigned threads = 1;
    std::size_t queue_max = 1;
    int nice = 0;
    bool on_demand = false;  // threads begin with the first job
    HelperHooks hooks;
  };
  explicit HelperLane(Options options);
  ~HelperLane();  // runs what is queued, then joins
  HelperLane(const HelperLane&) = delete;
  HelperLane& operator=(const HelperLane&) = delete;

  // False: the queue is full, or there is no thread; nothing was taken.
  bool submit(Job* job);
  // True: the job had not begun and is the caller's again.
  bool take_back(Job* job) noexcept;
  // Runs the next job on the calling thread, as a helper would; false: there is none that may
  // start. For lanes whose HelperHooks::start starts nothing: a test is the helper.
  bool run_next();
  void request_collect();
  unsigned threads() const noexcept { return options_.threads; }
  // Threads that run, the spare one too; and whether none is missing.
  std::size_t started() const;
  bool complete() const { return started() == threads_wanted(); }
  // Times that a thread could not be started.
  std::uint64_t failed_starts() const noexcept { return failed_starts_.load(); }
  std::size_t queued() const;
  // Until a job that came now would get a thread; `before`: jobs that will come before it, but are
  // not counted for more than `before_max`.
  Backlog::Work expected_wait(std::size_t before = 0,
                              Backlog::Work before_max = Backlog::Work::max()) const;
  // When a job that came now would be done at the earliest, from now on.
  Backlog::Work expected_end(Backlog::Work least) const;
  unsigned busy() const noexcept { return busy_.load(std::memory_order_relaxed); }
  double longest_running_s() const;
  // Jobs that have been running for longer, and for kStuckFactor times what was planned for them.
  static constexpr int kStuckFactor = 8;  // plans err by less, also beside a busy quick lane
  unsigned stuck(Clock::duration time) const;
  bool nice_refused() const noexcept { return nice_refused_.load(std::memory_order_relaxed); }

 private:
  struct Slot {  // of a running job
    std::size_t index = 0;
    std::atomic<std::int64_t> started_ns{0};  // 0 = idle
    std::atomic<std::int64_t> planned_ns{0};
  };
  std::size_t threads_wanted() const noexcept;
  // With the lock, or alone: those that are missing, as far as they start.
  void start_threads();
  // With the lock: the first that may start, out of the queue; null: none.
  Job* next_job() noexcept;
  bool may_start(const Job* job) const noexcept;
  void work();
  void run_job(std::unique_lock<std::mutex>& lock, Job* job);
  bool run(Slot* slot, Job* job);
  // With the lock: may a thread that has collected `times` times do so now?
  bool may_collect(std::uint64_t times) const noexcept;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job*> queue_;
  unsigned large_running_ = 0;
  Backlog backlog_;
  Options options_;
  bool stopping_ = false;
  std::uint64_t collect_wanted_ = 0;
  bool collecting_ = false;
  std::atomic<unsigned> busy_{0};
  std::atomic<bool> nice_refused_{false};
  std::vector<std::unique_ptr<Slot>> slots_;  // options_.threads
  std::vector<Slot*> free_slots_;
  std::vector<std::function<void()>> joins_;  // one for each thread
  Clock::time_point start_again_{};           // not before
  std::atomic<std::uint64_t> failed_starts_{0};
};

// Both lanes. Shared by all loops; start and stop from main. Outlives every ticket.
class HelperPool {
 public:
  // On top of the nice value of the thread that makes the pool: loops answer at once while all
  // helpers are busy (decision 5).
  static constexpr int kNice = 5;
  // Weights of the kernel (sched(7)): 335 at 5, 110 at 10.
  static constexpr int kPatientNice = 10;
  // `threads` and `queue_max` are those of each lane.
  HelperPool(unsigned threads, std::size_t queue_max, HelperHooks hooks);

  // Any thread.
  HelperLane& lane(Lane lane) noexcept { return *lanes_[static_cast<std::size_t>(lane)]; }
  const HelperLane& lane(Lane lane) const noexcept {
    return *lanes_[static_cast<std::size_t>(lane)];
  }
  // Every helper that has nothing to do collects; busy ones do when their queue is next empty.
  void request_collect();
  unsigned threads() const noexcept { return lane(Lane::kQuick).threads(); }  // of one lane
  // Every thread of the quick lane runs: without them no service is worth its start.
  bool complete() const { return lane(Lane::kQuick).complete(); }
  std::uint64_t failed_starts() const noexcept;
  std::size_t queued() const;
  unsigned busy() const noexcept;
  // Seconds the longest running job has been running; 0 when none.
  double longest_running_s() const;
  // Half of a lane's helpers are stuck at a job each.
  bool half_stuck(Clock::duration time) const;
  // True when the kernel refused a lower priority (said once in the log).
  bool nice_refused() const noexcept;

 private:
  std::array<std::unique_ptr<HelperLane>, kLaneCount> lanes_;
};

class TicketBase : Cancellable {
 public:
  bool ready(Scope& scope) noexcept;
  void suspend(Scope& scope, std::coroutine_handle<> handle) noexcept;
  bool finished() const noexcept { return job_ == nullptr || job_->done_; }
  Clock::duration queued_time() const noexcept;  // once finished: start() to helper

 protected:
  TicketBase(Loop& loop, Job* job) noexcept;
  ~TicketBase();
  Job* job() noexcept { return job_; }

 private:
  friend class Job;
  friend class JobRegistry;
  void on_cancel() noexcept override;
  void job_arrived() noexcept;
  Loop& loop_;
  Job* job_;
  std::coroutine_handle<> waiter_;
};

// Jobs of one core that are queued, running, or on their way back. Loop thread.
class JobRegistry {
 public:
  explicit JobRegistry(Loop& loop) noexcept : loop_(loop), empty_(loop) {}
  ~JobRegistry() { IMGRING_CHECK(count_ == 0); }
  JobRegistry(const JobRegistry&) = delete;
  JobRegistry& operator=(const JobRegistry&) = delete;
  std::size_t count() const noexcept { return count_; }
  // Until every job is back, or the scope ends: false.
  Task<bool> drained(Scope& scope);

  template <class R>
  class Ticket;
  // Null when the lane's queue is full: the closure is destroyed. A closure that gives a Result may
  // run out of memory: kOverloaded.
  template <class F>
  auto start(HelperPool& pool, F closure, JobCost cost = {})
      -> std::unique_ptr<Ticket<std::invoke_result_t<F&>>>;

 private:
  friend class Job;
  friend class HelperLane;
  friend class TicketBase;
  template <class F>
  class Work;
  bool submit(HelperPool& pool, Job* job, JobCost cost);
  void one_less() noexcept;
  Loop& loop_;
  Event empty_;
  std::size_t count_ = 0;
};

// Waits for one job. Drop it to detach.
template <class R>
class JobRegistry::Ticket final : public TicketBase {
 public:
  struct Box : Job {
    std::optional<R> result;
  };
  Ticket(Loop& loop, Box* box) noexcept : TicketBase(loop, box) {}
  // co_await ticket.wait(scope): the result, or nullopt when the scope was cancelled first.
  auto wait(Scope& scope) noexcept {
    struct Awaiter {
      Ticket& ticket;
      Scope& scope;
      bool await_ready() noexcept { return ticket.ready(scope); }
      void await_suspend(std::coroutine_handle<> handle) noexcept { ticket.suspend(scope, handle); }
      std::optional<R> await_resume() noexcept {
        if (!ticket.finished()) return std::nullopt;
        return std::move(static_cast<Box*>(ticket.job())->result);
      }
    };
    return Awaiter{*this, scope};
  }
};

template <class F>
class JobRegistry::Work final : public Ticket<std::invoke_result_t<F&>>::Box {
  using R = std::invoke_result_t<F&>;

 public:
  explicit Work(F closure) : closure_(std::move(closure)) {}

 private:
  bool run() noexcept override {
    const R& made = this->result.emplace(or_shortage(closure_));
    if constexpr (requires { made.error(); }) return made.has_value();
    return true;
  }
  F closure_;
};

template <class F>
auto JobRegistry::start(HelperPool& pool, F closure, JobCost cost)
    -> std::unique_ptr<Ticket<std::invoke_result_t<F&>>> {
  using R = std::invoke_result_t<F&>;
  auto work = std::make_unique<Work<F>>(std::move(closure));
  // The ticket first: the job may be back before start() returns to the coroutine, never before
  // this.
  auto ticket = std::make_unique<Ticket<R>>(loop_, work.get());
  if (!submit(pool, work.release(), cost)) return nullptr;
  return ticket;
}

}  // namespace imgring::loop
