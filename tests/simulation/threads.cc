// Threads, what they wait by, and clocks: each thread of the server is a fiber, a condition
// variable and a futex are lists of fibers, and every clock is the world's.
#include "threads.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstdarg>
#include <ctime>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "fiber.h"
#include "world.h"

using imgring::simulation::Fiber;
using imgring::simulation::World;
using imgring::simulation::world;

namespace imgring::simulation {

namespace {

// Who waits, by the address that they wait at. Never gone through in the order of addresses.
std::map<const void*, std::vector<Fiber*>> waiting;

void wait_at(const void* place) {
  waiting[place].push_back(world->current());
  world->block();
  const auto found = waiting.find(place);
  if (found == waiting.end()) return;
  std::erase(found->second, world->current());  // woken for nothing, as it may be
  if (found->second.empty()) waiting.erase(found);
}

int wake_at(const void* place, int most) {
  int woken = 0;
  for (auto found = waiting.find(place); found != waiting.end() && woken < most; ++woken) {
    auto& all = found->second;
    const std::size_t chosen = world->random().below(all.size());
    world->wake(all[chosen]);
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(chosen));
    if (all.empty()) {
      waiting.erase(found);
      break;
    }
  }
  return woken;
}

std::map<std::uintptr_t, Fiber*> fibers_by_id;

long futex(std::uint32_t* word, int operation, std::uint32_t value) {
  const int what = operation & FUTEX_CMD_MASK;
  if (what == FUTEX_WAKE) return wake_at(word, static_cast<int>(value));
  if (what != FUTEX_WAIT && what != FUTEX_WAIT_BITSET) world->fail("an unknown futex call");
  if (*word != value) {
    errno = EAGAIN;
    return -1;
  }
  wait_at(word);
  return 0;
}

}  // namespace

void reset_threads() {
  waiting.clear();
  fibers_by_id.clear();
}

}  // namespace imgring::simulation

namespace simulation = imgring::simulation;

extern "C" {

#define START _ZNSt6thread15_M_start_threadESt10unique_ptrINS_6_StateESt14default_deleteIS1_EEPFvvE
#define WRAPPED_(name) __wrap_##name
#define WRAPPED(name) WRAPPED_(name)

// std::thread::_State, which newer libraries keep to themselves.
struct ThreadState {
  virtual ~ThreadState() = default;
  virtual void _M_run() = 0;
};

void WRAPPED(START)(std::thread* self, std::unique_ptr<ThreadState> state, void (*)()) {
  std::shared_ptr<ThreadState> body(state.release());
  Fiber* fiber = world->start("thread", [body]() mutable {
    body->_M_run();
    body.reset();
  });
  const std::uintptr_t id = World::id_of(fiber);
  simulation::fibers_by_id[id] = fiber;
  static_assert(sizeof(std::thread) == sizeof id);
  *reinterpret_cast<std::uintptr_t*>(self) = id;
}

void __wrap__ZNSt6thread4joinEv(std::thread* self) {
  auto& id = *reinterpret_cast<std::uintptr_t*>(self);
  const auto found = simulation::fibers_by_id.find(id);
  world->join(found->second);
  simulation::fibers_by_id.erase(found);
  id = 0;
}

int __real_pthread_mutex_lock(pthread_mutex_t* mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t* mutex) {
  if (world == nullptr || world->current() == nullptr) return __real_pthread_mutex_lock(mutex);
  while (pthread_mutex_trylock(mutex) != 0) world->yield();
  return 0;
}

void __wrap__ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE(
    std::condition_variable* self, std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  simulation::wait_at(self);
  lock.lock();
}
void __wrap__ZNSt18condition_variable10notify_oneEv(std::condition_variable* self) {
  if (world != nullptr) simulation::wake_at(self, 1);
}
void __wrap__ZNSt18condition_variable10notify_allEv(std::condition_variable* self) {
  if (world != nullptr) simulation::wake_at(self, 1 << 30);
}

int __wrap_sched_yield() {
  world->yield();
  return 0;
}

pthread_t __wrap_pthread_self() { return world != nullptr ? World::id_of(world->current()) : 1; }
int __wrap_pthread_setname_np(pthread_t id, const char* name) {
  const auto found = simulation::fibers_by_id.find(id);
  if (found == simulation::fibers_by_id.end()) return 0;
  const bool loop = std::string_view(name).starts_with("loop");
  found->second->name = loop ? (name[5] == '0' ? "loop-0" : "loop-1") : "helper";
  return 0;
}

int __wrap_setpriority(int, id_t, int) { return 0; }
int __wrap_getpriority(int, id_t) { return 0; }

long __wrap_syscall(long number, ...) {
  va_list more;
  va_start(more, number);
  auto* word = va_arg(more, std::uint32_t*);
  const int operation = va_arg(more, int);
  const auto value = va_arg(more, std::uint32_t);
  va_end(more);
  if (number == SYS_gettid) return static_cast<long>(World::id_of(world->current()));
  if (number == SYS_futex) return simulation::futex(word, operation, value);
  world->fail("an unknown system call: " + std::to_string(number));
}

std::int64_t __real__ZNSt6chrono3_V212steady_clock3nowEv();
std::int64_t __wrap__ZNSt6chrono3_V212steady_clock3nowEv() {
  return world != nullptr ? world->now() : __real__ZNSt6chrono3_V212steady_clock3nowEv();
}

std::time_t __real_time(std::time_t* into);
std::time_t __wrap_time(std::time_t* into) {
  if (world == nullptr) return __real_time(into);
  if (into != nullptr) *into = world->unix_s();
  return world->unix_s();
}

}  // extern "C"
