// The allocator of the process: mimalloc (IMGRING_MIMALLOC) or the C library's.
// Owns: nothing. Promises: the rest of the program names neither.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "imgring/base/error.h"

namespace imgring::mem {

struct AllocatorTuning {
  // How long mimalloc keeps a freed page before it goes back to the system. Not set: mimalloc's own
  // default; zero costs 3 to 6 % CPU and saves 10 to 12 % of memory, so the default stays until a
  // measurement says otherwise.
  std::optional<long> purge_delay_ms;
};

// First thing in main, before the second thread.
void tune_allocator(const AllocatorTuning& tuning = {}) noexcept;
// That malloc is the allocator this program was built for; the error says what to do.
Result<void> verify_allocator();
// "mimalloc 2.0.9" or "system".
std::string allocator_name();

enum class Collect : std::uint8_t {
  kGentle,  // microseconds: on a loop with work to do
  kForced,  // milliseconds after a burst (5.8 ms after 128 MB): idle loops and helpers
};
// Gives unused memory of the calling thread's heap back (mimalloc), or the process's (C library,
// forced only).
void collect(Collect how) noexcept;

struct AllocatorStats {
  std::uint64_t committed_bytes = 0;
  std::uint64_t committed_peak_bytes = 0;  // 0: not known (C library)
  std::uint64_t in_use_bytes = 0;          // 0: not known (mimalloc counts it in debug builds only)
};
AllocatorStats allocator_stats() noexcept;

}  // namespace imgring::mem
