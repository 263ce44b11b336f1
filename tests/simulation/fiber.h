// A fiber: a stack of its own, switched to and from by the world alone.
#pragma once

#include <ucontext.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace imgring::simulation {

class World;

class Fiber {
 public:
  const char* name = "";
  std::function<void()> body;
  ucontext_t context{};
  void* stack = nullptr;
  std::uintptr_t number = 0;
  bool queued = false;  // among those that are ready
  bool done = false;
  std::vector<Fiber*> joiners;
  void* fake_stack = nullptr;  // the address sanitizer's
  ~Fiber();
};

}  // namespace imgring::simulation
