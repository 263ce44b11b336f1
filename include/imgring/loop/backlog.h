// How long a new job of a lane would wait for a thread: the estimated work before it, corrected by
// how long finished jobs took (hardening.md section 6, rule 3). A value with no clock of its own:
// the caller gives the time, holds a lock when threads share it, and pairs the calls.
// Promises: zero whenever a thread is free and nothing waits; a job without an estimate counts
// nothing and teaches nothing.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace imgring::loop {

class Backlog {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Work = std::chrono::microseconds;  // estimated CPU time of a job

  explicit Backlog(unsigned threads) : running_(threads) {}
  void queued(Work work) noexcept;
  void taken_back(Work work) noexcept;  // out of the queue without running
  void started(std::size_t thread, Work work, Time now) noexcept;  // out of the queue too
  // `whole`: it did all of its work, neither stopped nor refused on the way; `least`: what its plan
  // was sure of, 0 when of nothing.
  void finished(std::size_t thread, Time now, bool whole = true, Work least = Work(0)) noexcept;
  // Until a job that is queued now gets a thread.
  Work wait(Time now) const noexcept;
  // So many more jobs of the kind that finished of late, shared by the threads; 0 until some have.
  Work work_of(std::size_t jobs) const noexcept;
  // At least what a job takes by itself, when its plan is sure of `least` on the machine that the
  // plans were measured on. A job that took less shows a faster machine; that is believed at once
  // and forgotten slowly. Nothing is learned the other way: a slow or busy machine refuses late
  // rather than wrongly.
  Work certain(Work least) const noexcept;
  // What a job took by the clock, by what was estimated: 1 until jobs have shown otherwise.
  double pace() const noexcept { return took_us_ / estimated_us_; }
  std::size_t waiting() const noexcept { return waiting_; }

 private:
  struct Running {
    Work work{0};
    Time since{};
    bool busy = false;
  };
  std::vector<Running> running_;
  std::size_t waiting_ = 0;
  Work queued_work_{0};
  // Sums over finished jobs, the older the less: costs differ a thousandfold, so that an average of
  // ratios would lie. They begin with a second that went as estimated.
  double took_us_ = 1e6, estimated_us_ = 1e6;
  double recent_us_ = 0, recent_jobs_ = 0;  // the same without the second
  double least_pace_ = 1;                   // took by `least`, the smallest of late; 1 at most
};

}  // namespace imgring::loop
