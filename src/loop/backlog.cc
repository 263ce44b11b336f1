// Sums of estimated work, times a pace that each finished job corrects.
#include "imgring/loop/backlog.h"

#include <algorithm>

#include "imgring/base/check.h"

namespace imgring::loop {

namespace {
// What is left of the past after one more job: half of it is gone after seven.
constexpr double kKept = 0.9;
// A hung job or a clock that jumped must not teach more than this.
constexpr double kPaceMax = 50;

// Shorter jobs tell of their setting up.
constexpr Backlog::Work kLeastTaught = std::chrono::milliseconds(100);
// A machine that was faster once is believed to be so for some dozens of such jobs.
constexpr double kForgotten = 1.02;

double microseconds(std::chrono::steady_clock::duration time) noexcept {
  return std::chrono::duration<double, std::micro>(time).count();
}
}  // namespace

void Backlog::queued(Work work) noexcept {
  ++waiting_;
  queued_work_ += work;
}

void Backlog::taken_back(Work work) noexcept {
  IMGRING_CHECK(waiting_ > 0);
  --waiting_;
  queued_work_ -= work;
}

void Backlog::started(std::size_t thread, Work work, Time now) noexcept {
  taken_back(work);
  running_[thread] = {.work = work, .since = now, .busy = true};
}

void Backlog::finished(std::size_t thread, Time now, bool whole, Work least) noexcept {
  const Running job = running_[thread];
  running_[thread].busy = false;
  if (whole && least >= kLeastTaught) {
    const double share = microseconds(now - job.since) / static_cast<double>(least.count());
    least_pace_ = std::min({1.0, share, least_pace_ * kForgotten});
  }
  const auto estimated = static_cast<double>(job.work.count());
  if (estimated <= 0) return;
  // One that was refused after a look at its header teaches as little.
  const double took = std::max(1.0, microseconds(now - job.since));
  recent_us_ = recent_us_ * kKept + took;
  recent_jobs_ = recent_jobs_ * kKept + 1;
  took_us_ = took_us_ * kKept + std::min(took, estimated * kPaceMax);
  estimated_us_ = estimated_us_ * kKept + std::min(estimated, took * kPaceMax);
}

Backlog::Work Backlog::work_of(std::size_t jobs) const noexcept {
  if (recent_jobs_ <= 0) return Work(0);
  const double all_us = recent_us_ / recent_jobs_ * static_cast<double>(jobs);
  return Work(static_cast<Work::rep>(all_us / static_cast<double>(running_.size())));
}

Backlog::Work Backlog::certain(Work least) const noexcept {
  return Work(static_cast<Work::rep>(static_cast<double>(least.count()) * least_pace_));
}

Backlog::Work Backlog::wait(Time now) const noexcept {
  double before_us = static_cast<double>(queued_work_.count()) * pace();
  bool free = false;
  for (const Running& job : running_) {
    free = free || !job.busy;
    if (!job.busy) continue;
    const double expected_us = static_cast<double>(job.work.count()) * pace();
    before_us += std::max(0.0, expected_us - microseconds(now - job.since));
  }
  if (free && waiting_ == 0) return Work(0);
  return Work(static_cast<Work::rep>(before_us / static_cast<double>(running_.size())));
}

}  // namespace imgring::loop
