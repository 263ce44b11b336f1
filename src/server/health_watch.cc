// The thread, its last word, and what a look makes of it.
#include "health_watch.h"

#include <pthread.h>

#include <condition_variable>
#include <mutex>
#include <string>

#include "imgring/mem/machine.h"
#include "imgring/server/state.h"

namespace imgring::server {

// One test at a time; everything with the lock but the test itself.
struct HealthWatch::Shared {
  std::mutex mutex;
  std::condition_variable wake, came_back;
  bool stopping = false, under_way = false, passed = true;
  std::uint64_t runs = 0;

  void run(const Options& options) {
    pthread_setname_np(pthread_self(), "self-test");
    std::unique_lock lock(mutex);
    while (!stopping) {
      under_way = true;
      lock.unlock();
      const bool good = options.test();
      lock.lock();
      under_way = false;
      passed = good;
      ++runs;
      came_back.notify_all();
      wake.wait_for(lock, options.every, [this] { return stopping; });
    }
  }
};

HealthWatch::HealthWatch(Options options) : options_(options), shared_(std::make_shared<Shared>()) {
  start();
}

HealthWatch::~HealthWatch() { stop(); }

void HealthWatch::start() {
  join_ = options_.start([shared = shared_, options = options_] { shared->run(options); });
}

HealthWatch::State HealthWatch::judge() const {
  if (lost_looks_ >= kLostLooks) return State::kLost;
  if (runs_seen_ == 0) return State::kNotYet;
  return shared_->passed ? State::kPasses : State::kFails;
}

HealthWatch::State HealthWatch::look(loop::Clock::time_point now) {
  if (now - looked_ < kLookEvery) return state_;
  looked_ = now;
  if (!join_) {
    start();
    state_ = join_ ? State::kNotYet : State::kNoThread;
    return state_;
  }
  const std::lock_guard lock(shared_->mutex);
  const bool waits = shared_->under_way && shared_->runs == runs_seen_;
  lost_looks_ = waits ? lost_looks_ + 1 : 0;
  runs_seen_ = shared_->runs;
  state_ = judge();
  return state_;
}

bool HealthWatch::stop() {
  if (!join_) return true;
  {
    std::unique_lock lock(shared_->mutex);
    shared_->stopping = true;
    shared_->wake.notify_all();
    const auto back = [this] { return !shared_->under_way; };
    if (!shared_->came_back.wait_for(lock, options_.stop_max, back)) return false;
  }
  join_();
  join_ = {};
  return true;
}

void look_after_health(HealthWatch& watch, Process& process) {
  using enum HealthWatch::State;
  const HealthWatch::State before = watch.state(), now = watch.look(loop::Clock::now());
  if (now == before) return;
  const bool healthy = now != kFails && now != kLost;
  const bool was_healthy = process.healthy.exchange(healthy);
  const Logger& log = process.log;
  if (now == kFails) log.error("The libvips self-test fails");
  if (now == kLost) {
    log.error("The libvips self-test has not come back for " +
              std::to_string(HealthWatch::kLostLooks) + " s: libvips waits for itself, restart");
  }
  if (now == kPasses && !was_healthy) log.info("The libvips self-test passes again");
  if (now == kNoThread) {
    log.warning(
        "The libvips self-test can't run, /health says what was: no thread could be "
        "started; " +
        mem::thread_limits_text());
  }
}

}  // namespace imgring::server
