// Helper threads and the jobs that travel to them and back.
#include "imgring/loop/offload.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <thread>

#include "imgring/base/fatal_signal.h"

namespace imgring::loop {

namespace {
constexpr int kNiceMax = 19;  // the kernel's
// A thread that could not be started is not tried again with every job: a failed try takes some
// 20 us of a loop, a limit that is in the way stays for longer.
constexpr std::chrono::milliseconds kStartAgain(200);

std::int64_t count_ns(const TimeSource& time) noexcept {
  return time.now().time_since_epoch().count();
}
}  // namespace

std::function<void()> start_thread(std::function<void()> body) {
  try {
    return [thread = std::make_shared<std::thread>(std::move(body))] { thread->join(); };
  } catch (const std::system_error&) {
    return {};
  }
}

void Job::arrive() noexcept {
  done_ = true;
  JobRegistry* registry = registry_;
  if (ticket_ != nullptr) {
    ticket_->job_arrived();  // the ticket destroys the job
  } else {
    delete this;
  }
  registry->one_less();
}

TicketBase::TicketBase(Loop& loop, Job* job) noexcept : loop_(loop), job_(job) {
  job->ticket_ = this;
}

TicketBase::~TicketBase() {
  if (job_ == nullptr) return;
  job_->ticket_ = nullptr;
  if (job_->done_) {
    delete job_;
  } else if (job_->lane_->take_back(job_)) {
    JobRegistry* registry = job_->registry_;
    delete job_;
    registry->one_less();
  }
}

bool TicketBase::ready(Scope& scope) noexcept { return finished() || scope.cancelled(); }

void TicketBase::suspend(Scope& scope, std::coroutine_handle<> handle) noexcept {
  waiter_ = handle;
  scope.add(this);
}

Clock::duration TicketBase::queued_time() const noexcept {
  return job_ == nullptr ? Clock::duration{} : job_->started_at_ - job_->queued_at_;
}

void TicketBase::on_cancel() noexcept {
  unlink();
  loop_.post(std::exchange(waiter_, {}));
}

void TicketBase::job_arrived() noexcept {
  if (!waiter_) return;  // not waited for yet, or its wait was cancelled
  unlink();
  loop_.post(std::exchange(waiter_, {}));
}

void JobRegistry::one_less() noexcept {
  if (--count_ == 0) empty_.notify();
}

bool JobRegistry::submit(HelperPool& pool, Job* job, JobCost cost) {
  job->registry_ = this;
  job->lane_ = &pool.lane(cost.lane);
  job->work_ = cost.work;
  job->least_ = cost.least;
  job->large_ = cost.large;
  job->queued_at_ = loop_.now();
  if (job->lane_->submit(job)) {
    ++count_;
    return true;
  }
  if (job->ticket_ != nullptr) job->ticket_->job_ = nullptr;
  delete job;
  return false;
}

Task<bool> JobRegistry::drained(Scope& scope) {
  while (count_ > 0) {
    const bool going_on = co_await empty_.wait(scope);
    if (!going_on) co_return false;
  }
  co_return true;
}

HelperLane::HelperLane(Options options) : backlog_(options.threads), options_(options) {
  for (unsigned i = 0; i < options.threads; ++i) {
    slots_.push_back(std::make_unique<Slot>());
    slots_.back()->index = i;
    free_slots_.push_back(slots_.back().get());
  }
  if (!options.on_demand) start_threads();
}

std::size_t HelperLane::threads_wanted() const noexcept {
  const unsigned spare = options_.hooks.collect != nullptr ? 1 : 0;
  return std::size_t{options_.threads} + spare;
}

void HelperLane::start_threads() {
  if (joins_.size() == threads_wanted() || options_.hooks.time->now() < start_again_) return;
  while (joins_.size() < threads_wanted()) {
    auto join = options_.hooks.start([this] { work(); });
    if (!join) {
      failed_starts_.fetch_add(1);
      start_again_ = options_.hooks.time->now() + kStartAgain;
      return;
    }
    joins_.push_back(std::move(join));
  }
}

std::size_t HelperLane::started() const {
  std::lock_guard lock(mutex_);
  return joins_.size();
}

HelperLane::~HelperLane() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& join : joins_) join();
}

bool HelperLane::submit(Job* job) {
  bool free = false;
  {
    std::lock_guard lock(mutex_);
    if (queue_.size() >= options_.queue_max || stopping_) return false;
    start_threads();
    if (joins_.empty()) return false;
    queue_.push_back(job);
    backlog_.queued(job->work_);
    free = !free_slots_.empty();
  }
  // Else whoever ends a job takes it: the spare thread would wake for nothing.
  if (free) wake_.notify_one();
  return true;
}

bool HelperLane::take_back(Job* job) noexcept {
  std::lock_guard lock(mutex_);
  if (std::erase(queue_, job) == 0) return false;
  backlog_.taken_back(job->work_);
  return true;
}

void HelperLane::request_collect() {
  {
    std::lock_guard lock(mutex_);
    ++collect_wanted_;
  }
  wake_.notify_all();
}

std::size_t HelperLane::queued() const {
  std::lock_guard lock(mutex_);
  return queue_.size();
}

Backlog::Work HelperLane::expected_wait(std::size_t before, Backlog::Work before_max) const {
  std::lock_guard lock(mutex_);
  return backlog_.wait(options_.hooks.time->now()) + std::min(before_max, backlog_.work_of(before));
}

Backlog::Work HelperLane::expected_end(Backlog::Work least) const {
  std::lock_guard lock(mutex_);
  return backlog_.wait(options_.hooks.time->now()) + backlog_.certain(least);
}

double HelperLane::longest_running_s() const {
  const std::int64_t now = count_ns(*options_.hooks.time);
  std::int64_t longest = 0;
  for (const auto& slot : slots_) {
    const std::int64_t started = slot->started_ns.load(std::memory_order_relaxed);
    if (started != 0 && now - started > longest) longest = now - started;
  }
  return static_cast<double>(longest) * 1e-9;
}

unsigned HelperLane::stuck(Clock::duration time) const {
  const std::int64_t now = count_ns(*options_.hooks.time);
  const std::int64_t least = std::chrono::nanoseconds(time).count();
  unsigned count = 0;
  for (const auto& slot : slots_) {
    const std::int64_t started = slot->started_ns.load(std::memory_order_relaxed);
    const std::int64_t planned = slot->planned_ns.load(std::memory_order_relaxed);
    if (started != 0 && now - started > std::max(least, planned * kStuckFactor)) ++count;
  }
  return count;
}

bool HelperLane::run(Slot* slot, Job* job) {
  busy_.fetch_add(1, std::memory_order_relaxed);
  slot->planned_ns.store(std::chrono::nanoseconds(job->work_).count(), std::memory_order_relaxed);
  slot->started_ns.store(count_ns(*options_.hooks.time), std::memory_order_relaxed);
  const bool whole = job->run();
  if (options_.hooks.after_job != nullptr) options_.hooks.after_job();
  slot->started_ns.store(0, std::memory_order_relaxed);
  busy_.fetch_sub(1, std::memory_order_relaxed);
  return whole;
}

bool HelperLane::may_start(const Job* job) const noexcept {
  return !job->large_ || large_running_ < large_jobs_max(options_.threads);
}

Job* HelperLane::next_job() noexcept {
  if (free_slots_.empty()) return nullptr;
  const auto next = std::ranges::find_if(queue_, [this](Job* job) { return may_start(job); });
  if (next == queue_.end()) return nullptr;
  Job* job = *next;
  queue_.erase(next);
  if (job->large_) ++large_running_;
  return job;
}

bool HelperLane::may_collect(std::uint64_t times) const noexcept {
  return times != collect_wanted_ && !collecting_ && queue_.empty();
}

void HelperLane::run_job(std::unique_lock<std::mutex>& lock, Job* job) {
  Slot* slot = free_slots_.back();
  free_slots_.pop_back();
  const bool large = job->large_;
  const Backlog::Work least = job->least_;
  job->started_at_ = options_.hooks.time->now();
  backlog_.started(slot->index, job->work_, job->started_at_);
  lock.unlock();
  Loop& loop = job->registry_->loop_;
  const bool whole = run(slot, job);
  loop.post_remote(job);  // the job is not ours any more
  lock.lock();
  if (large) --large_running_;
  backlog_.finished(slot->index, options_.hooks.time->now(), whole, least);
  free_slots_.push_back(slot);
}

bool HelperLane::run_next() {
  std::unique_lock lock(mutex_);
  Job* job = next_job();
  if (job != nullptr) run_job(lock, job);
  return job != nullptr;
}

void HelperLane::work() {
  const SignalStack signal_stack;
  pthread_setname_np(pthread_self(), "helper");
  const auto thread = static_cast<id_t>(syscall(SYS_gettid));
  if (setpriority(PRIO_PROCESS, thread, options_.nice) != 0) nice_refused_.store(true);
  std::uint64_t collected = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    Job* job = nullptr;
    wake_.wait(lock, [&] {
      job = next_job();
      return job != nullptr || may_collect(collected) || (stopping_ && queue_.empty());
    });
    if (job != nullptr) {
      run_job(lock, job);
    } else if (may_collect(collected)) {
      collected = collect_wanted_;
      collecting_ = true;
      lock.unlock();
      options_.hooks.collect();
      lock.lock();
      collecting_ = false;
      wake_.notify_all();  // the next may collect
    } else {
      break;
    }
  }
  lock.unlock();
  wake_.notify_all();  // what waits for the queue to be empty
  if (options_.hooks.thread_end != nullptr) options_.hooks.thread_end();
}

HelperPool::HelperPool(unsigned threads, std::size_t queue_max, HelperHooks hooks) {
  constexpr std::array<int, kLaneCount> kNices = {kNice, kPatientNice};
  const int own = getpriority(PRIO_PROCESS, 0);  // of the calling thread
  for (std::size_t i = 0; i < kLaneCount; ++i) {
    lanes_[i] = std::make_unique<HelperLane>(
        HelperLane::Options{.threads = threads,
                            .queue_max = queue_max,
                            .nice = std::min(own + kNices[i], kNiceMax),
                            .on_demand = i > 0,
                            .hooks = hooks});
  }
}

void HelperPool::request_collect() {
  for (auto& lane : lanes_) lane->request_collect();
}

std::uint64_t HelperPool::failed_starts() const noexcept {
  return lane(Lane::kQuick).failed_starts() + lane(Lane::kPatient).failed_starts();
}

std::size_t HelperPool::queued() const {
  return lane(Lane::kQuick).queued() + lane(Lane::kPatient).queued();
}

unsigned HelperPool::busy() const noexcept {
  return lane(Lane::kQuick).busy() + lane(Lane::kPatient).busy();
}

double HelperPool::longest_running_s() const {
  return std::max(lane(Lane::kQuick).longest_running_s(), lane(Lane::kPatient).longest_running_s());
}

bool HelperPool::half_stuck(Clock::duration time) const {
  return std::ranges::any_of(
      lanes_, [time](const auto& lane) { return lane->stuck(time) * 2 >= lane->threads(); });
}

bool HelperPool::nice_refused() const noexcept {
  return lane(Lane::kQuick).nice_refused() || lane(Lane::kPatient).nice_refused();
}

}  // namespace imgring::loop
