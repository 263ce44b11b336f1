// The libvips self-test behind /health (decision 39): at start and every 5 s, on a thread of its
// own at the priority of the loops. Busy helpers and full queues never look like an illness.
// Owns: the thread. Made, looked at and stopped by main.
// Promises: ill is only what failed the test, or did not come back from it at kLostLooks looks in a
// row. Looks count once a second at most, and only when main runs: a process that was frozen, or
// has no processor to itself, is not ill for it. A thread that can't be started is no illness
// either: the next look tries again.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "imgring/loop/offload.h"

namespace imgring::server {

struct Process;

class HealthWatch {
 public:
  struct Options {
    bool (*test)() noexcept = nullptr;  // on the thread
    loop::StartThread start = loop::start_thread;
    std::chrono::milliseconds every{5000};
    std::chrono::milliseconds stop_max{1000};  // the test takes well under a millisecond
  };
  // A test of microseconds of CPU that is not back after so many seconds waits for a lock that
  // nobody gives back.
  static constexpr int kLostLooks = 30;
  static constexpr std::chrono::seconds kLookEvery{1};

  enum class State : std::uint8_t { kNotYet, kPasses, kFails, kLost, kNoThread };

  explicit HealthWatch(Options options);
  ~HealthWatch();
  HealthWatch(const HealthWatch&) = delete;
  HealthWatch& operator=(const HealthWatch&) = delete;

  State look(loop::Clock::time_point now);
  State state() const noexcept { return state_; }  // of the last look
  // False: the test does not come back, and its thread can't be joined.
  bool stop();

 private:
  struct Shared;
  void start();
  State judge() const;
  Options options_;
  std::shared_ptr<Shared> shared_;  // the thread's too: it may be left behind
  std::function<void()> join_;
  loop::Clock::time_point looked_{};
  int lost_looks_ = 0;
  std::uint64_t runs_seen_ = 0;
  State state_ = State::kNotYet;
};

// A look, its verdict for /health, and a log line when that changes.
void look_after_health(HealthWatch& watch, Process& process);

}  // namespace imgring::server
