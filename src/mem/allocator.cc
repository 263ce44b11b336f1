// Allocator glue: the only file that knows mimalloc's and glibc's own calls, but for
// aligned_allocation.cc.
#include "imgring/mem/allocator.h"

#include <malloc.h>

#include <cstdlib>
#include <cstring>

#if defined(IMGRING_MIMALLOC)
#include <mimalloc.h>
#endif

namespace imgring::mem {

#if defined(IMGRING_MIMALLOC)
namespace {

// 209, later 20401: major, then one or two digits each for minor and patch.
struct Version {
  int major, minor, patch;
};
constexpr Version split_version(int v) noexcept {
  if (v < 10'000) return {v / 100, v / 10 % 10, v % 10};
  return {v / 10'000, v / 100 % 100, v % 100};
}

// Options are numbers whose meaning moves between minor versions.
bool header_matches_library() noexcept {
  const Version built = split_version(MI_MALLOC_VERSION);
  const Version found = split_version(mi_version());
  return built.major == found.major && built.minor == found.minor;
}

struct Option {
  mi_option_t name;
  long value;
};
// Freed pages go back to the system at once, by madvise: with the delays of the library (25 and
// 500 ms) what one job freed is still there when the next one allocates. calibration.md has the
// figures and the price.
#if MI_MALLOC_VERSION >= 210
// Version 3 counts the delay of its arenas by the second alone.
constexpr Option kOptions[] = {{mi_option_purge_delay, 0}, {mi_option_arena_purge_mult, 0}};
#else
constexpr Option kOptions[] = {{mi_option_decommit_delay, 0},
                               {mi_option_segment_decommit_delay, 0}};
#endif

bool add_area(const mi_heap_t*, const mi_heap_area_t* area, void*, std::size_t, void* sum) {
  *static_cast<std::uint64_t*>(sum) += area->used * area->block_size;
  return true;
}

}  // namespace

void tune_allocator() noexcept {
  if (!header_matches_library()) return;
  // What the operator's environment says stays.
  for (const Option& option : kOptions) mi_option_set_default(option.name, option.value);
}

std::uint64_t thread_in_use_bytes() noexcept {
  std::uint64_t sum = 0;
  mi_heap_visit_blocks(mi_heap_get_default(), false, add_area, &sum);
  return sum;
}

Result<void> verify_allocator() {
  // One from here and one from inside the C library, as GLib and libvips would get it. volatile:
  // the compiler may not do away with the pair.
  void* volatile ours = std::malloc(64);
  char* volatile theirs = strdup("imgring");
  const bool both = mi_is_in_heap_region(ours) && mi_is_in_heap_region(theirs);
  std::free(ours);
  std::free(theirs);
  if (both) return {};
  return fail(ErrorCode::kInternal,
              "built for mimalloc, but malloc is another allocator's: another library or "
              "LD_PRELOAD comes first; remove it or build with -Dallocator=system");
}

std::string allocator_name() {
  const Version v = split_version(mi_version());
  return "mimalloc " + std::to_string(v.major) + '.' + std::to_string(v.minor) + '.' +
         std::to_string(v.patch);
}

void collect(Collect how) noexcept { mi_collect(how != Collect::kGentle); }

void take_back_freed() noexcept {
  constexpr Version kBuilt = split_version(MI_MALLOC_VERSION);
  if constexpr (kBuilt.major >= 3) mi_collect(false);
}

AllocatorStats allocator_stats() noexcept {
  std::size_t elapsed, user, system, rss, rss_peak, commit, commit_peak, faults;
  mi_process_info(&elapsed, &user, &system, &rss, &rss_peak, &commit, &commit_peak, &faults);
  return {.committed_bytes = commit, .committed_peak_bytes = commit_peak, .in_use_bytes = 0};
}

#else

void tune_allocator() noexcept {
  // Two arenas: with one per thread the freed memory of idle threads stays (67 MB against 80 MB at
  // rest, measured with 4 helpers).
  mallopt(M_ARENA_MAX, 2);
  // Pictures and bodies are mapped and go back when freed. Left alone the threshold rises to the
  // largest block that was ever freed (32 MiB at most), and they end up in the arenas.
  mallopt(M_MMAP_THRESHOLD, 256 << 10);
  mallopt(M_TRIM_THRESHOLD, 1 << 20);
}

std::uint64_t thread_in_use_bytes() noexcept { return 0; }

Result<void> verify_allocator() { return {}; }

std::string allocator_name() { return "system"; }

void take_back_freed() noexcept {}

void collect([[maybe_unused]] Collect how) noexcept {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // A sanitizer brings an allocator of its own, and the C library's, never used until then, would
  // set itself up here: it does that without a lock, and two helpers at once end the process.
  if (how == Collect::kHelper) malloc_trim(0);
#endif
}

AllocatorStats allocator_stats() noexcept {
  const struct mallinfo2 info = mallinfo2();
  return {.committed_bytes = info.arena + info.hblkhd,
          .committed_peak_bytes = 0,
          .in_use_bytes = info.uordblks + info.hblkhd};
}

#endif

}  // namespace imgring::mem
