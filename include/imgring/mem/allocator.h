// The allocator of the process: mimalloc (IMGRING_MIMALLOC) or the C library's.
// Owns: nothing. Promises: the rest of the program names neither.
#pragma once

#include <cstdint>
#include <string>

#include "imgring/base/error.h"

namespace imgring::mem {

// First thing in main, before the second thread.
void tune_allocator() noexcept;
// That malloc is the allocator this program was built for; the error says what to do.
Result<void> verify_allocator();
// "mimalloc 2.0.9" or "system".
std::string allocator_name();

enum class Collect : std::uint8_t {
  kGentle,  // microseconds: on a loop with work to do
  kForced,  // idle loops: milliseconds where much was kept
  kHelper,  // helpers: the C library's locks may be held for milliseconds
};
// Gives unused memory of the calling thread's heap back (mimalloc), or the process's (C library, on
// helpers only).
void collect(Collect how) noexcept;
// Takes back large blocks of the calling thread that other threads freed. Behind each job of a
// thread whose results others free: mimalloc 3 leaves those mapped until their thread collects, and
// does not use them again, so that a busy helper would hold every result that it ever made. With
// mimalloc 2 and the C library, which unmap them at once, nothing.
void take_back_freed() noexcept;

struct AllocatorStats {
  std::uint64_t committed_bytes = 0;
  std::uint64_t committed_peak_bytes = 0;  // 0: not known (C library)
  std::uint64_t in_use_bytes = 0;          // of the process; 0: not known (mimalloc), see below
};
AllocatorStats allocator_stats() noexcept;
// Bytes of live blocks in the calling thread's heap, each rounded up to its size class: release
// builds of mimalloc count nothing, but a heap may be walked page by page by its own thread. 0: C
// library.
std::uint64_t thread_in_use_bytes() noexcept;

}  // namespace imgring::mem
