// The memory-release tick of one core (memory.md section 5.3): decays pools, trims caches, collects
// this loop's heap, and from core 0 asks the helpers to do the same. Loop thread only.
#pragma once

#include <chrono>
#include <cstdint>

#include "imgring/config/config.h"
#include "imgring/service/services.h"
#include "imgring/source/sources.h"

namespace imgring::server {

struct KeeperParts {
  service::Services& services;
  mem::BufferPool& downloads;
  source::Sources& sources;
  int index = 0;
  int count = 1;
};
// Runs until the scope ends: every IMGPROXY_FREE_MEMORY_INTERVAL, staggered by interval * index /
// count.
loop::Task<void> keep_memory(loop::Scope& scope, KeeperParts parts);

// What takes milliseconds, on a helper: no loop waits for it. Children and scratch that had nothing
// to do since then go. Not again while `under_way`.
loop::Task<void> release_on_helper(service::Services& services, loop::Scope& scope,
                                   loop::Clock::time_point unused_since, bool& under_way);

// A tick ends children and scratch that had nothing to do for half of the time between two ticks.
constexpr std::chrono::milliseconds idle_time_max(const config::Config& config) noexcept {
  constexpr std::int64_t kHalfMs = 500;  // of a second
  return std::chrono::milliseconds(kHalfMs * config.server.free_memory_interval_s);
}

}  // namespace imgring::server
