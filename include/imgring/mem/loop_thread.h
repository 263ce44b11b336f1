// Whether the calling thread is a loop's, for what must not happen on one: libvips, and anything
// else that may take long. Any thread.
#pragma once

#include "imgring/base/check.h"

namespace imgring::mem {

bool on_loop() noexcept;

// As long as it lives this thread is a loop's (loop::Loop::run).
class LoopThread {
 public:
  LoopThread() noexcept;
  ~LoopThread();
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

 private:
  bool before_;
};

}  // namespace imgring::mem

// Ends the process on a loop's thread, in debug and sanitizer builds; elsewhere it is nothing.
#ifdef IMGRING_THREAD_CHECKS
#define IMGRING_CHECK_OFF_LOOP() IMGRING_CHECK(!::imgring::mem::on_loop())
#else
#define IMGRING_CHECK_OFF_LOOP() static_cast<void>(0)
#endif
