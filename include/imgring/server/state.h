// The process as its cores see it: what stages share, the cores themselves, and what main tells
// them. Built by serve() before the cores start, outlives them. Any thread.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "imgring/net/tls.h"
#include "imgring/service/shared.h"
#include "imgring/service/snapshot.h"

namespace imgring::server {

using service::job_limit;
using service::kJobsMax;
using service::Snapshot;
using service::SnapshotPtr;

class Core;

struct Process : service::Shared {
  Process(const Logger& l, loop::HelperPool& h, std::uint64_t memory_limit_bytes);
  ~Process();
  std::shared_ptr<const net::TrustStore> trust;  // set before the cores start
  std::atomic<int> clients{0};
  std::atomic<int> crowded{0};      // cores where somebody waits long for a client's place
  std::atomic<bool> healthy{true};  // the libvips self-test's last answer
  // Told to stop: /ready says so, while all is still served (IMGRING_DRAIN_DELAY).
  std::atomic<bool> leaving{false};
  std::atomic<int> doors_left{0};  // cores that take nobody more from a handed-over socket
  std::atomic<bool> draining{false};
  std::atomic<std::uint64_t> reloads_good{0}, reloads_failed{0};
  std::atomic<std::int64_t> reloaded_unix_s{0};  // the last that went well, or the start
  std::atomic<bool> reload_failed{false};        // the last one
  std::vector<std::unique_ptr<Core>> cores;      // complete before the first thread starts
};

}  // namespace imgring::server
