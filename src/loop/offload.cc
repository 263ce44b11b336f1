// Helper threads and the jobs that travel to them and back.
#include "imgring/loop/offload.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace imgring::loop {

namespace {
std::int64_t clock_ns() noexcept { return Clock::now().time_since_epoch().count(); }
}  // namespace

void Job::arrive() noexcept {
  done_ = true;
  JobRegistry* registry = registry_;
  if (ticket_ != nullptr) {
    ticket_->job_arrived();  // the ticket destroys the job
  } else {
    delete this;
  }
  if (--registry->count_ == 0) registry->empty_.notify();
}

TicketBase::TicketBase(Loop& loop, Job* job) noexcept : loop_(loop), job_(job) {
  job->ticket_ = this;
}

TicketBase::~TicketBase() {
  if (job_ == nullptr) return;
  job_->ticket_ = nullptr;
  if (job_->done_) delete job_;
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

bool JobRegistry::submit(HelperPool& pool, Job* job) {
  job->registry_ = this;
  job->queued_at_ = Clock::now();
  if (pool.submit(job)) {
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

HelperPool::HelperPool(unsigned threads, std::size_t queue_max, HelperHooks hooks)
    : queue_max_(queue_max), hooks_(hooks) {
  for (unsigned i = 0; i < threads; ++i) slots_.push_back(std::make_unique<Slot>());
  for (auto& slot : slots_) threads_.emplace_back([this, s = slot.get()] { work(s); });
}

HelperPool::~HelperPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

bool HelperPool::submit(Job* job) {
  {
    std::lock_guard lock(mutex_);
    if (queue_.size() >= queue_max_ || stopping_) return false;
    queue_.push_back(job);
  }
  wake_.notify_one();
  return true;
}

void HelperPool::request_collect() {
  {
    std::lock_guard lock(mutex_);
    ++collect_wanted_;
  }
  wake_.notify_all();
}

std::size_t HelperPool::queued() const {
  std::lock_guard lock(mutex_);
  return queue_.size();
}

double HelperPool::longest_running_s() const {
  const std::int64_t now = clock_ns();
  std::int64_t longest = 0;
  for (const auto& slot : slots_) {
    const std::int64_t started = slot->started_ns.load(std::memory_order_relaxed);
    if (started != 0 && now - started > longest) longest = now - started;
  }
  return static_cast<double>(longest) * 1e-9;
}

void HelperPool::work(Slot* slot) {
  pthread_setname_np(pthread_self(), "helper");
  const auto thread = static_cast<id_t>(syscall(SYS_gettid));
  if (setpriority(PRIO_PROCESS, thread, kNice) != 0) nice_refused_.store(true);
  std::uint64_t collected = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] {
      return stopping_ || !queue_.empty() || collected != collect_wanted_;
    });
    if (!queue_.empty()) {
      Job* job = queue_.front();
      queue_.pop_front();
      lock.unlock();
      busy_.fetch_add(1, std::memory_order_relaxed);
      job->started_at_ = Clock::now();
      slot->started_ns.store(clock_ns(), std::memory_order_relaxed);
      Loop& loop = job->registry_->loop_;
      job->run();
      if (hooks_.after_job != nullptr) hooks_.after_job();
      slot->started_ns.store(0, std::memory_order_relaxed);
      busy_.fetch_sub(1, std::memory_order_relaxed);
      loop.post_remote(job);  // the job is not ours any more
      lock.lock();
    } else if (collected != collect_wanted_) {
      collected = collect_wanted_;
      lock.unlock();
      if (hooks_.collect != nullptr) hooks_.collect();
      lock.lock();
    } else {
      break;  // stopping, and nothing is queued
    }
  }
  lock.unlock();
  if (hooks_.thread_end != nullptr) hooks_.thread_end();
}

}  // namespace imgring::loop
