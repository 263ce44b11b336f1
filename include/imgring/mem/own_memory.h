// What this process holds, as the kernel counts it.
// Owns nothing. Any thread. For ticks and pages of numbers, not for requests.
#pragma once

#include <cstdint>
#include <string_view>

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

}  // namespace imgring::mem
