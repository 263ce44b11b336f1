// Switching between fibers, by ucontext; the address sanitizer is told of each switch.
#include "fiber.h"

#include <sys/mman.h>

#include <cstdlib>

#include "world.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

namespace imgring::simulation {

namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t kStackBytes = 1 << 20;
#else
constexpr std::size_t kStackBytes = 256 << 10;
#endif

// The world's own side of each switch.
ucontext_t home;
[[maybe_unused]] const void* home_stack = nullptr;
[[maybe_unused]] std::size_t home_bytes = 0;

// Stacks of fibers that have ended, for the next seed.
std::vector<void*>& spare_stacks() {
  static std::vector<void*> stacks;
  return stacks;
}

void* take_stack() {
  auto& spare = spare_stacks();
  if (!spare.empty()) {
    void* stack = spare.back();
    spare.pop_back();
    return stack;
  }
  void* stack = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) std::abort();
  return stack;
}

void enter_fiber([[maybe_unused]] Fiber* fiber, [[maybe_unused]] void** fake) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(fake, fiber->stack, kStackBytes);
#endif
}
void entered_fiber([[maybe_unused]] Fiber* fiber) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(fiber->fake_stack, &home_stack, &home_bytes);
#endif
}
void enter_home([[maybe_unused]] void** fake) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(fake, home_stack, home_bytes);
#endif
}
void entered_home([[maybe_unused]] void* fake) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
}

void run_fiber() {
  Fiber* fiber = world->current();
  entered_fiber(fiber);
  fiber->body();
  fiber->body = nullptr;
  fiber->done = true;
  for (Fiber* joiner : fiber->joiners) world->wake(joiner);
  enter_home(nullptr);
  swapcontext(&fiber->context, &home);
}

}  // namespace

Fiber::~Fiber() {
  if (stack != nullptr) spare_stacks().push_back(stack);
}

Fiber* World::start(const char* name, std::function<void()> body) {
  auto made = std::make_unique<Fiber>();
  Fiber* fiber = made.get();
  fiber->name = name;
  fiber->body = std::move(body);
  fiber->stack = take_stack();
  fiber->number = fibers_.size() + 2;
  getcontext(&fiber->context);
  fiber->context.uc_stack.ss_sp = fiber->stack;
  fiber->context.uc_stack.ss_size = kStackBytes;
  fiber->context.uc_link = nullptr;
  makecontext(&fiber->context, run_fiber, 0);
  fibers_.push_back(std::move(made));
  wake(fiber);
  return fiber;
}

void World::resume(Fiber* fiber) {
  fiber->queued = false;
  current_ = fiber;
  void* fake = nullptr;
  enter_fiber(fiber, &fake);
  swapcontext(&home, &fiber->context);
  entered_home(fake);
  current_ = nullptr;
}

void World::leave() {
  Fiber* fiber = current_;
  enter_home(&fiber->fake_stack);
  swapcontext(&fiber->context, &home);
  entered_fiber(fiber);
}

void World::block() { leave(); }

// Who spins for another's work must not keep it from happening: time goes on meanwhile.
void World::yield() { sleep(kMicrosecond); }

void World::wake(Fiber* fiber) {
  if (fiber->queued || fiber->done) return;
  fiber->queued = true;
  ready_.push_back(fiber);
}

void World::join(Fiber* fiber) {
  while (!fiber->done) {
    fiber->joiners.push_back(current_);
    block();
  }
}

bool World::done(const Fiber* fiber) noexcept { return fiber->done; }

std::uintptr_t World::id_of(const Fiber* fiber) noexcept {
  return fiber == nullptr ? 1 : fiber->number;
}

}  // namespace imgring::simulation
