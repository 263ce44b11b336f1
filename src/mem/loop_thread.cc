// A flag of the thread.
#include "imgring/mem/loop_thread.h"

namespace imgring::mem {
namespace {

bool& flag() noexcept {
  thread_local bool on = false;
  return on;
}

}  // namespace

bool on_loop() noexcept { return flag(); }

LoopThread::LoopThread() noexcept : before_(flag()) { flag() = true; }
LoopThread::~LoopThread() { flag() = before_; }

}  // namespace imgring::mem
