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
// Of the text of /proc/self/smaps: files that are mapped to be read or run, without a page of our
// own among them (relocations, breakpoints).
std::vector<AddressRange> unchanged_file_mappings(std::string_view smaps);

// Unmaps pages of such mappings: code and constants of libraries, three quarters of which are for
// their start alone. What is used again comes from the page cache by a minor fault for 16 pages;
// the rest is the kernel's to take, and no longer in RSS. The bytes that were resident; 0 where the
// kernel tells nothing. 6 ms, and a millisecond of faults later.
std::uint64_t unmap_start_pages();

}  // namespace imgring::mem
