// The loop's turn: ready coroutines, then one wait in the engine, then timers.
#include "imgring/loop/loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "imgring/base/check.h"
#include "imgring/mem/loop_thread.h"

namespace imgring::loop {

namespace {
constexpr auto kForever = std::chrono::hours(1);  // a wait without timers; nothing depends on it
constexpr int kResumesPerTurn = 4096;
}  // namespace

// The armed read of the event descriptor that other threads write to.
struct Loop::Wake final : Operation {
  explicit Wake(Loop& l) : loop(l) {}
  void complete(const Completion&) noexcept override {
    loop.drain_remote();
    if (!loop.stopping_) loop.arm_wake();
  }
  Loop& loop;
  std::uint64_t count = 0;
};

Loop::Loop(std::unique_ptr<Engine> engine, TimeSource& time)
    : engine_(std::move(engine)), time_(time), thread_(std::this_thread::get_id()),
      woke_(time.now()) {
  wake_fd_ = eventfd(0, EFD_CLOEXEC);
  IMGRING_CHECK(wake_fd_ >= 0);
  wake_ = std::make_unique<Wake>(*this);
}

Loop::~Loop() {
  IMGRING_CHECK(engine_->in_flight() == 0);
  IMGRING_CHECK(heap_.empty());
  drain_remote();
  engine_.reset();
  close(wake_fd_);
}

void Loop::arm_wake() noexcept {
  OpRequest request{.kind = OpKind::kRead,
                    .fd = wake_fd_,
                    .data = &wake_->count,
                    .size_bytes = sizeof(wake_->count),
                    .offset = -1};
  engine_->submit(request, wake_.get());
}

void Loop::post_remote(RemoteTask* task) noexcept {
  RemoteTask* head = remote_.load(std::memory_order_relaxed);
  do {
    task->next_ = head;
  } while (!remote_.compare_exchange_weak(head, task, std::memory_order_acq_rel,
                                          std::memory_order_relaxed));
  if (head != nullptr) return;  // somebody woke the loop already, and it has not looked yet
  const std::uint64_t one = 1;
  ssize_t written = 0;
  do {
    written = write(wake_fd_, &one, sizeof one);
  } while (written < 0 && errno == EINTR);
}

void Loop::drain_remote() noexcept {
  RemoteTask* list = remote_.exchange(nullptr, std::memory_order_acq_rel);
  RemoteTask* ordered = nullptr;
  while (list != nullptr) {  // newest first: turn it round
    RemoteTask* next = std::exchange(list->next_, ordered);
    ordered = std::exchange(list, next);
  }
  while (ordered != nullptr) {
    RemoteTask* task = std::exchange(ordered, ordered->next_);
    task->arrive();
  }
}

Root Loop::drive_root(Loop* loop, Task<void> root) {
  {
    Task<void> own = std::move(root);
    co_await own;
  }
  loop->root_done_ = true;
}

void Loop::run(Task<void> root) {
  IMGRING_CHECK(on_loop());
  const mem::LoopThread on_this_thread;
  arm_wake();
  post(drive_root(this, std::move(root)).handle);
  while (!root_done_ || !ready_.empty()) turn();
  stopping_ = true;  // before the cancel: a wake that completes first must not re-arm
  if (wake_->in_flight()) engine_->cancel(wake_.get());
  while (engine_->in_flight() > 0) {
    engine_->turn(kForever);
    while (!ready_.empty()) {
      auto handle = ready_.front();
      ready_.pop_front();
      handle.resume();
    }
  }
  drain_remote();
}

void Loop::turn() noexcept {
  // Bounded, so that a chain of ready coroutines never starves the kernel.
  for (int n = 0; n < kResumesPerTurn && !ready_.empty(); ++n) {
    auto handle = ready_.front();
    ready_.pop_front();
    handle.resume();
  }
  if (root_done_) return;
  if (turn_hook_ != nullptr) turn_hook_(turn_context_, now() - woke_);
  wait_in_engine();
  woke_ = now();
  fire_timers();
}

void Loop::wait_in_engine() noexcept {
  if (!ready_.empty()) return engine_->turn(Clock::duration::zero());
  if (heap_.empty()) return engine_->turn(kForever);
  const Clock::time_point due = heap_.front()->due_;
  const std::uint64_t before = engine_->delivered();
  engine_->turn(time_.patience(due));
  if (engine_->delivered() == before) time_.nothing_until(due);
}

void Loop::fire_timers() noexcept {
  while (!heap_.empty() && heap_.front()->due_ <= woke_) {
    TimerNode* timer = heap_.front();
    timer_remove(timer);
    timer->fire();
  }
}

void Loop::timer_add(TimerNode* timer, Clock::time_point due) {
  IMGRING_CHECK(timer->position_ == TimerNode::kIdle);
  timer->due_ = due;
  timer->position_ = heap_.size();
  heap_.push_back(timer);
  heap_up(timer->position_);
}

void Loop::timer_remove(TimerNode* timer) noexcept {
  const std::size_t i = timer->position_;
  if (i == TimerNode::kIdle) return;
  TimerNode* last = heap_.back();
  heap_.pop_back();
  timer->position_ = TimerNode::kIdle;
  if (last == timer) return;
  heap_[i] = last;
  last->position_ = i;
  heap_up(i);
  heap_down(last->position_);
}

void Loop::heap_swap(std::size_t a, std::size_t b) noexcept {
  std::swap(heap_[a], heap_[b]);
  heap_[a]->position_ = a;
  heap_[b]->position_ = b;
}

void Loop::heap_up(std::size_t i) noexcept {
  while (i > 0 && heap_[i]->due_ < heap_[(i - 1) / 2]->due_) {
    heap_swap(i, (i - 1) / 2);
    i = (i - 1) / 2;
  }
}

void Loop::heap_down(std::size_t i) noexcept {
  for (;;) {
    std::size_t least = i;
    for (std::size_t child = 2 * i + 1; child <= 2 * i + 2; ++child) {
      if (child < heap_.size() && heap_[child]->due_ < heap_[least]->due_) least = child;
    }
    if (least == i) return;
    heap_swap(i, least);
    i = least;
  }
}

bool Sleep::await_ready() noexcept {
  slept_ = !scope_.cancelled();
  return !slept_;
}
void Sleep::await_suspend(std::coroutine_handle<> handle) {
  handle_ = handle;
  loop_.timer_add(this, loop_.now() + time_);
  scope_.add(this);
}
void Sleep::fire() noexcept {
  unlink();
  loop_.post(handle_);
}
void Sleep::on_cancel() noexcept {
  slept_ = false;
  unlink();
  loop_.timer_remove(this);
  loop_.post(handle_);
}

Deadline::Deadline(Loop& loop, Scope& scope, Clock::duration time, CancelReason reason)
    : loop_(loop), scope_(scope), reason_(reason) {
  loop_.timer_add(this, loop_.now() + time);
}
Deadline::~Deadline() { loop_.timer_remove(this); }
void Deadline::restart(Clock::duration time) {
  loop_.timer_remove(this);
  loop_.timer_add(this, loop_.now() + time);
}
void Deadline::fire() noexcept {
  fired_ = true;
  scope_.cancel(reason_);
}

void Event::notify() noexcept {
  if (!waiter_) {
    set_ = true;
    return;
  }
  unlink();
  loop_.post(std::exchange(waiter_, {}));
}
bool Event::ready(Scope& scope) noexcept {
  cancelled_ = scope.cancelled() && !set_;
  return set_ || cancelled_;
}
void Event::suspend(Scope& scope, std::coroutine_handle<> handle) noexcept {
  IMGRING_CHECK(!waiter_);
  waiter_ = handle;
  scope.add(this);
}
bool Event::resume_value() noexcept {
  // What was notified after the cancel is for the next wait.
  if (std::exchange(cancelled_, false)) return false;
  set_ = false;
  return true;
}
void Event::on_cancel() noexcept {
  cancelled_ = true;
  unlink();
  loop_.post(std::exchange(waiter_, {}));
}

void Nursery::start(Task<void> task) {
  ++children_;
  loop_.post(drive(this, std::move(task)).handle);
}

Root Nursery::drive(Nursery* nursery, Task<void> task) {
  {
    Task<void> own = std::move(task);
    co_await own;
  }  // the child's frame is gone before the count drops
  if (--nursery->children_ == 0 && nursery->joiner_) {
    nursery->loop_.post(std::exchange(nursery->joiner_, {}));
  }
}

}  // namespace imgring::loop
