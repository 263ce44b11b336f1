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
  void finished(std::size_t thread, Time now) noexcept;
  // Until a job that is queued now gets a thread.
  Work wait(Time now) const noexcept;
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
};

}  // namespace imgring::loop
