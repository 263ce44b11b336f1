// What this process holds, as the kernel counts it, and what it need not hold once it has started.
// Owns nothing. Any thread. For starts, ticks and pages of numbers, not for requests.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "imgring/base/error.h"

namespace imgring::mem {

struct OwnMemory {
  std::uint64_t rss_bytes = 0;
  std::uint64_t rss_anon_bytes = 0;
  std::uint64_t virtual_bytes = 0;
};
// From /proc/self/statm, without allocating; a few microseconds.
Result<OwnMemory> own_memory();
Result<OwnMemory> parse_statm(std::string_view text, std::uint64_t page_size_bytes);

struct AddressRange {
  std::uintptr_t begin = 0, end = 0;
  std::uint64_t resident_bytes = 0;
};
// Of the text of /proc/self/smaps, in its order: files that are mapped to be read or run, which say
// that no page of our own is among them (relocations, breakpoints).
std::vector<AddressRange> unchanged_file_mappings(std::string_view smaps);

// Unmaps such pages of the program and its libraries: code and constants, three quarters of which
// are for their start alone. What is used again comes from the page cache, 16 pages by a minor
// fault, and from the file only where the kernel has taken it; the rest is no longer in RSS. The
// bytes that were resident; 0 where the kernel tells nothing. 6 ms. Any thread, with others
// running: libraries cannot be loaded or unloaded meanwhile, and no other mapping is touched.
std::uint64_t unmap_start_pages();
// The same for who may open no files any more: by what it opened of /proc/self/smaps before.
std::uint64_t unmap_start_pages(int smaps_fd);

}  // namespace imgring::mem
