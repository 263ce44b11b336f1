// A clock that a test moves. Under a loop it moves by itself: when all coroutines wait and the
// kernel has nothing for them, it jumps to the next timer, so that a wait of an hour takes no time
// and ends exactly then. While a thread besides the loop's is at work (Busy) it stands still, and
// a loop looks every millisecond whether it still does.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "imgring/base/clock.h"

namespace imgring::test {

class ManualClock final : public TimeSource {
 public:
  Time now() const noexcept override { return Time(Duration(now_.load())); }
  std::int64_t unix_s() const noexcept override {
    const auto since = std::chrono::floor<std::chrono::seconds>(now().time_since_epoch());
    return start_unix_s + since.count();
  }
  Duration patience(Time) const noexcept override {
    return busy_.load() > 0 ? std::chrono::milliseconds(1) : Duration(0);
  }
  void nothing_until(Time due) noexcept override {
    const std::lock_guard lock(mutex_);
    if (busy_.load() > 0) return;
    for (const Time wake : sleeping_) due = std::min(due, wake);
    move_to(due);
  }

  void advance(Duration time) noexcept {
    const std::lock_guard lock(mutex_);
    move_to(now() + time);
  }

  // Of a thread besides the loop's, which is Busy: until the clock has come so far.
  void sleep(Duration time) {
    std::unique_lock lock(mutex_);
    const Time due = now() + time;
    const int mine = woken_;
    sleeping_.push_back(due);
    --busy_;
    moved_.wait(lock, [&] { return now() >= due || woken_ != mine; });
  }

  // Whoever sleeps goes on; the time stays.
  void wake_all() noexcept {
    const std::lock_guard lock(mutex_);
    busy_ += static_cast<int>(sleeping_.size());
    sleeping_.clear();
    ++woken_;
    moved_.notify_all();
  }

  class Busy {
   public:
    explicit Busy(ManualClock& clock) : clock_(clock) { ++clock_.busy_; }
    ~Busy() { --clock_.busy_; }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

   private:
    ManualClock& clock_;
  };

  std::int64_t start_unix_s = 1'700'000'000;

 private:
  void move_to(Time time) noexcept {
    if (time <= now()) return;
    now_ = time.time_since_epoch().count();
    // Who slept until now is at work again before the loop next looks.
    busy_ += static_cast<int>(std::erase_if(sleeping_, [time](Time due) { return due <= time; }));
    moved_.notify_all();
  }
  std::atomic<Duration::rep> now_{std::chrono::nanoseconds(std::chrono::hours(1)).count()};
  std::atomic<int> busy_{0};
  std::mutex mutex_;
  std::condition_variable moved_;
  std::vector<Time> sleeping_;
  int woken_ = 0;
};

}  // namespace imgring::test
