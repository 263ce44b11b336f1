// What the stages of one core have at hand; outlives every request.
// Owned by its Core; loop thread only.
#pragma once

#include "imgring/loop/offload.h"
#include "imgring/mem/buffer_pool.h"
#include "imgring/observe/metrics.h"
#include "imgring/service/fetched_cache.h"
#include "imgring/service/memory_gate.h"
#include "imgring/service/request_id.h"
#include "imgring/service/shared.h"
#include "imgring/service/slow_readers.h"
#include "imgring/service/snapshot.h"
#include "imgring/source/source.h"

namespace imgring::service {

struct Services {
  loop::Loop& loop;
  Shared& shared;
  source::Source& sources;
  loop::JobRegistry& jobs;
  mem::BufferPool& gzip_pool;
  MemoryGate& memory;
  SlowReaders& readers;
  FetchedCache& watermarks;
  FetchedCache& fallbacks;
  observe::CoreMetrics& metrics;
  SnapshotPtr snapshot;  // replaced by reload; a request takes its own copy
  RequestIds ids{};
  loop::Clock::time_point next_scout{};  // see check_queue()
};

}  // namespace imgring::service
