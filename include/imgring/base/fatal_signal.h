// The last line of a process that a signal ends, for whoever has its log and its binary but no core
// file: one line on stderr with the signal, the program's build id, and where its frames are.
//
//   imgring: fatal signal 11 (SEGV), build 3f…, frames: +0x1c2f0a libvips.so.42+0x9c3d2 +0x1b7755
//
// Offsets count from where the object is loaded: `addr2line -e imgring 0x1c2f0a` knows them, also
// of a position-independent program. Those of callers point into the call.
// Owns: the process's actions for SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT and SIGTRAP.
// Promises: nothing but what a signal handler may do, no allocation, no lock, no wait without an
// end; the default action follows, so that core files are as they would be without.
#pragma once

namespace imgring {

// Main, once, before other threads. Others' handlers (sanitizers') stay. Log lines that wait in the
// process's queue are written behind it (base/log_queue.h). `fd`: where the line goes, stderr else.
void tell_of_fatal_signals(int fd = 2) noexcept;

// A stack for the handler, of the calling thread, for as long as it lives: one that ran out of its
// own has a last line too. Without memory for one the thread has none.
class SignalStack {
 public:
  SignalStack() noexcept;
  ~SignalStack();
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  void* memory_ = nullptr;
};

}  // namespace imgring
