// Loop: one thread, one engine, ready coroutines, timers, and the way back in for other threads.
// Everything but post_remote is for the loop's own thread. Shares nothing with other loops.
#pragma once

#include <array>
#include <atomic>
#include <coroutine>
#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "imgring/base/clock.h"
#include "imgring/loop/engine.h"
#include "imgring/loop/scope.h"
#include "imgring/loop/task.h"

namespace imgring::loop {

// A point in time; intrusive, in one loop's heap at most.
class TimerNode {
 public:
  TimerNode() = default;
  TimerNode(const TimerNode&) = delete;
  TimerNode& operator=(const TimerNode&) = delete;

 protected:
  // Must not run a coroutine.
  virtual void fire() noexcept = 0;
  virtual ~TimerNode() = default;
  Clock::time_point due_{};

 private:
  friend class Loop;
  static constexpr std::size_t kIdle = static_cast<std::size_t>(-1);
  std::size_t position_ = kIdle;
};

// What another thread hands to a loop: run once on the loop's thread, in order of arrival.
class RemoteTask {
 public:
  RemoteTask() = default;
  RemoteTask(const RemoteTask&) = delete;
  RemoteTask& operator=(const RemoteTask&) = delete;

 protected:
  // Loop thread; may destroy itself; must not run a coroutine.
  virtual void arrive() noexcept = 0;
  virtual ~RemoteTask() = default;

 private:
  friend class Loop;
  RemoteTask* next_ = nullptr;
};

// Of one read of a stream: a head of the usual size, and what a connection may keep of it unpaid.
inline constexpr std::size_t kReceiveBytesMax = 4 << 10;

class Loop {
 public:
  // On the thread that will call run(). `time` outlives it.
  explicit Loop(std::unique_ptr<Engine> engine, TimeSource& time = system_time());
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs until the root task is done and the engine holds nothing.
  void run(Task<void> root);

  Engine& engine() noexcept { return *engine_; }
  // The one clock of everything on this loop.
  Clock::time_point now() const noexcept { return time_.now(); }
  // The time of day.
  std::int64_t unix_s() const noexcept { return time_.unix_s(); }
  bool on_loop() const noexcept { return std::this_thread::get_id() == thread_; }
  // Resumed in this turn, after what is queued already.
  void post(std::coroutine_handle<> handle) { ready_.push_back(handle); }
  // Any thread. The task is the loop's from here on. Wakes the loop unless it is awake already.
  void post_remote(RemoteTask* task) noexcept;
  // After run(): what was posted since. Nobody may post any more.
  void deliver_remote() noexcept { drain_remote(); }

  // Called at the end of each turn with the time since it woke, waiting not counted. Before run().
  using TurnHook = void (*)(void* context, Clock::duration worked) noexcept;
  void set_turn_hook(TurnHook hook, void* context) noexcept {
    turn_hook_ = hook;
    turn_context_ = context;
  }

  // Where sockets are read into: what is there is used or copied before the next await.
  std::span<char> receive_room() noexcept { return receive_room_; }

  void timer_add(TimerNode* timer, Clock::time_point due);
  void timer_remove(TimerNode* timer) noexcept;

 private:
  struct Wake;
  static Root drive_root(Loop* loop, Task<void> root);
  void arm_wake() noexcept;
  void drain_remote() noexcept;
  void fire_timers() noexcept;
  void turn() noexcept;
  void wait_in_engine() noexcept;
  void heap_swap(std::size_t a, std::size_t b) noexcept;
  void heap_up(std::size_t i) noexcept;
  void heap_down(std::size_t i) noexcept;

  std::unique_ptr<Engine> engine_;
  TimeSource& time_;
  std::thread::id thread_;
  Clock::time_point woke_;  // this turn's begin
  TurnHook turn_hook_ = nullptr;
  void* turn_context_ = nullptr;
  std::deque<std::coroutine_handle<>> ready_;
  std::vector<TimerNode*> heap_;
  std::array<char, kReceiveBytesMax> receive_room_;  // not initialised
  std::atomic<RemoteTask*> remote_{nullptr};
  int wake_fd_ = -1;
  std::unique_ptr<Wake> wake_;
  bool root_done_ = false;
  bool stopping_ = false;
};

// co_await sleep: false when the scope was cancelled first.
class Sleep final : TimerNode, Cancellable {
 public:
  Sleep(Loop& loop, Scope& scope, Clock::duration time) noexcept
      : loop_(loop), scope_(scope), time_(time) {}
  bool await_ready() noexcept;
  void await_suspend(std::coroutine_handle<> handle);
  bool await_resume() const noexcept { return slept_; }

 private:
  void fire() noexcept override;
  void on_cancel() noexcept override;
  Loop& loop_;
  Scope& scope_;
  Clock::duration time_;
  std::coroutine_handle<> handle_;
  bool slept_ = true;
};

// Cancels a scope with kDeadline (or the reason given) when due.
class Deadline final : TimerNode {
 public:
  Deadline(Loop& loop, Scope& scope, Clock::duration time,
           CancelReason reason = CancelReason::kDeadline);
  ~Deadline();
  bool fired() const noexcept { return fired_; }
  // Starts again from now.
  void restart(Clock::duration time);

 private:
  void fire() noexcept override;
  Loop& loop_;
  Scope& scope_;
  CancelReason reason_;
  bool fired_ = false;
};

// One waiter, many notifiers; a notification without a waiter is kept.
class Event final : Cancellable {
 public:
  explicit Event(Loop& loop) noexcept : loop_(loop) {}
  ~Event() { IMGRING_CHECK(!waiter_); }
  void notify() noexcept;
  // co_await event.wait(scope): false when the scope was cancelled first.
  auto wait(Scope& scope) noexcept {
    struct Awaiter {
      Event& event;
      Scope& scope;
      bool await_ready() noexcept { return event.ready(scope); }
      void await_suspend(std::coroutine_handle<> handle) noexcept { event.suspend(scope, handle); }
      bool await_resume() noexcept { return event.resume_value(); }
    };
    return Awaiter{*this, scope};
  }

 private:
  bool ready(Scope& scope) noexcept;
  void suspend(Scope& scope, std::coroutine_handle<> handle) noexcept;
  bool resume_value() noexcept;
  void on_cancel() noexcept override;
  Loop& loop_;
  std::coroutine_handle<> waiter_;
  bool set_ = false;
  bool cancelled_ = false;
};

// Children that cannot outlive it: ends with `co_await nursery.join()` in every function that has
// one.
class Nursery {
 public:
  Nursery(Loop& loop, Scope* parent) : scope_(parent), loop_(loop) {}
  ~Nursery() { IMGRING_CHECK(children_ == 0); }
  Nursery(const Nursery&) = delete;
  Nursery& operator=(const Nursery&) = delete;
  Scope& scope() noexcept { return scope_; }
  std::size_t children() const noexcept { return children_; }
  void start(Task<void> task);
  auto join() noexcept {
    struct Awaiter {
      Nursery& nursery;
      bool await_ready() noexcept { return nursery.children_ == 0; }
      void await_suspend(std::coroutine_handle<> handle) noexcept { nursery.joiner_ = handle; }
      void await_resume() noexcept {}
    };
    return Awaiter{*this};
  }

 private:
  static Root drive(Nursery* nursery, Task<void> task);
  Scope scope_;
  Loop& loop_;
  std::size_t children_ = 0;
  std::coroutine_handle<> joiner_;
};

}  // namespace imgring::loop
