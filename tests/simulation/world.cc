// Chance, events in their order, the trace.
#include "world.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "fiber.h"

namespace imgring::simulation {

World* world = nullptr;

namespace {
constexpr Time kBoot = 1000 * kSecond;               // no clock of the kernel's starts at zero
constexpr std::int64_t kUnixAtBoot = 1'900'000'000;  // 2030
constexpr Time kLongest = kBoot + 900 * kSecond;     // no scenario takes so long
constexpr Time kWorkMost = 4 * kMicrosecond;         // of a fiber between two waits
constexpr std::uint64_t kPrime = 0x100000001b3;      // FNV
}  // namespace

Random::Random(std::uint64_t seed) noexcept {
  // splitmix64: seeds that differ by one differ in every bit.
  std::uint64_t z = seed + 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  state_ = (z ^ (z >> 31)) | 1;
}

std::uint64_t Random::next() noexcept {
  state_ ^= state_ >> 12;
  state_ ^= state_ << 25;
  state_ ^= state_ >> 27;
  return (state_ * 0x2545f4914f6cdd1d) >> 16;
}

std::int64_t Random::between(std::int64_t least, std::int64_t most) noexcept {
  return least + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(most - least) + 1));
}

bool Random::chance(double probability) noexcept {
  constexpr std::uint64_t kSteps = 1 << 20;
  return static_cast<double>(below(kSteps)) < probability * static_cast<double>(kSteps);
}

Time Random::latency(Time least, Time most) noexcept {
  const Time near = least + (most - least) / 16;
  return chance(0.9) ? between(least, near) : between(near, most);
}

World::World(Options options)
    : options_(options), random_(options.seed), now_(kBoot),
      unix_offset_s_(kUnixAtBoot - kBoot / kSecond) {}

World::~World() = default;

bool World::later(const Event& a, const Event& b) noexcept {
  return a.due != b.due ? a.due > b.due : a.number > b.number;
}

void World::freeze(Time time) noexcept {
  now_ += time;
  frozen_ += time;
}

void World::after(Time delay, std::function<void()> action) {
  events_.push_back({now_ + std::max<Time>(delay, 0), ++numbers_, std::move(action)});
  std::push_heap(events_.begin(), events_.end(), later);
}

void World::next_event() {
  if (events_.empty()) fail("everybody waits, and nothing will happen any more");
  std::pop_heap(events_.begin(), events_.end(), later);
  Event event = std::move(events_.back());
  events_.pop_back();
  now_ = std::max(now_, event.due);
  if (now_ > kLongest) fail("the scenario does not end");
  event.action();
}

void World::run(const Fiber* last) {
  while (!done(last)) {
    ++steps_;
    if (ready_.empty()) {
      next_event();
      continue;
    }
    const std::size_t chosen = random_.below(ready_.size());
    Fiber* fiber = ready_[chosen];
    ready_.erase(ready_.begin() + static_cast<std::ptrdiff_t>(chosen));
    now_ += random_.between(0, kWorkMost);
    resume(fiber);
  }
}

void World::sleep(Time time) {
  Fiber* fiber = current_;
  bool over = false;
  after(time, [this, fiber, &over] {
    over = true;
    wake(fiber);
  });
  while (!over) block();
}

void World::trace(std::string_view what, std::int64_t a, std::int64_t b) {
  const auto mix = [this](std::uint64_t value) { hash_ = (hash_ ^ value) * kPrime; };
  for (const char c : what) mix(static_cast<unsigned char>(c));
  mix(static_cast<std::uint64_t>(a));
  mix(static_cast<std::uint64_t>(b));
  mix(static_cast<std::uint64_t>(now_));
  if (!options_.verbose) return;
  std::fprintf(stderr, "%12.6f  %-8s %.*s %lld %lld\n", static_cast<double>(now_ - kBoot) * 1e-9,
               current_ != nullptr ? current_->name : "-", static_cast<int>(what.size()),
               what.data(), static_cast<long long>(a), static_cast<long long>(b));
}

void World::fail(const std::string& what) {
  std::fprintf(stderr, "seed %llu %sfailed at %.6f s: %s\n",
               static_cast<unsigned long long>(options_.seed), options_.note.c_str(),
               static_cast<double>(now_ - kBoot) * 1e-9, what.c_str());
  for (const auto& fiber : fibers_) {
    if (!fiber->done) std::fprintf(stderr, "  %s has not ended\n", fiber->name);
  }
  std::fflush(nullptr);
  _exit(1);
}

}  // namespace imgring::simulation
