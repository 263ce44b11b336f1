// The simulated world: one clock, one source of chance, what is to happen when, and fibers in place
// of threads. One thread runs all of it; nothing waits for real time.
// Owns: the fibers and the events of one seed. Touch: the thread that made it.
// Promises: the same seed gives the same trace, whatever ran before it in this process. Whatever
// finds a fault calls fail(), which tells the seed and ends the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace imgring::simulation {

// Nanoseconds of the simulated clock.
using Time = std::int64_t;
inline constexpr Time kMicrosecond = 1000, kMillisecond = 1'000'000, kSecond = 1'000'000'000;

// xorshift64* over a mixed seed.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept;
  std::uint64_t next() noexcept;
  // 0 to count - 1; count above 0.
  std::uint64_t below(std::uint64_t count) noexcept { return next() % count; }
  // Both ends included.
  std::int64_t between(std::int64_t least, std::int64_t most) noexcept;
  bool chance(double probability) noexcept;
  // Mostly near `least`, now and then far above it: as latencies are.
  Time latency(Time least, Time most) noexcept;

 private:
  std::uint64_t state_;
};

class Fiber;

class World {
 public:
  struct Options {
    std::uint64_t seed = 0;
    bool verbose = false;  // the trace goes to stderr
    std::string note;      // what else is needed to see the same again
  };
  explicit World(Options options);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  std::uint64_t seed() const noexcept { return options_.seed; }
  bool verbose() const noexcept { return options_.verbose; }
  Random& random() noexcept { return random_; }
  Time now() const noexcept { return now_; }
  std::int64_t unix_s() const noexcept { return unix_offset_s_ + now_ / kSecond; }
  // The process was frozen, or the machine slept: everything that was due meanwhile is late.
  void freeze(Time time) noexcept;
  Time frozen() const noexcept { return frozen_; }  // all in all
  void set_clock_back(std::int64_t seconds) noexcept { unix_offset_s_ -= seconds; }

  void after(Time delay, std::function<void()> action);

  // A fiber stands for a thread. It runs until it blocks, and between two of its waits nobody else
  // does: races of memory are the thread sanitizer's business.
  Fiber* start(const char* name, std::function<void()> body);
  Fiber* current() const noexcept { return current_; }
  void block();             // of the current fiber, until wake()
  void wake(Fiber* fiber);  // nothing, when it is awake
  void yield();             // of the current fiber: others first
  void sleep(Time time);    // of the current fiber
  void join(Fiber* fiber);  // of the current fiber
  static bool done(const Fiber* fiber) noexcept;
  static std::uintptr_t id_of(const Fiber* fiber) noexcept;  // from 2 on; 1: no fiber

  // Events and fibers in turns until `last` has ended.
  void run(const Fiber* last);

  void trace(std::string_view what, std::int64_t a = 0, std::int64_t b = 0);
  std::uint64_t trace_hash() const noexcept { return hash_; }
  std::uint64_t steps() const noexcept { return steps_; }
  [[noreturn]] void fail(const std::string& what);

 private:
  struct Event {
    Time due;
    std::uint64_t number;
    std::function<void()> action;
  };
  static bool later(const Event& a, const Event& b) noexcept;
  void resume(Fiber* fiber);
  void leave();
  void next_event();

  Options options_;
  Random random_;
  Time now_;
  Time frozen_ = 0;
  std::int64_t unix_offset_s_;
  std::uint64_t numbers_ = 0, steps_ = 0;
  std::uint64_t hash_ = 0xcbf29ce484222325;
  std::vector<Event> events_;  // a heap
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> ready_;
  Fiber* current_ = nullptr;
};

// The one of this process; null between two seeds.
extern World* world;

}  // namespace imgring::simulation
