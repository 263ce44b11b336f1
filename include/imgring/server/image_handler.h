// Requests of one core: routes, the way of an image request from its bytes to its answer, the log
// of both.
// Owned by its Core; loop thread only.
#pragma once

#include <memory>

#include "imgring/http/server.h"
#include "imgring/loop/offload.h"
#include "imgring/mem/buffer_pool.h"
#include "imgring/observe/metrics.h"
#include "imgring/server/answers.h"
#include "imgring/server/state.h"
#include "imgring/source/source.h"

namespace imgring::server {

class MemoryGate;
class SlowReaders;

// What a handler needs of its core; outlives every request.
struct CoreServices {
  loop::Loop& loop;
  Process& process;
  source::Source& sources;
  loop::JobRegistry& jobs;
  mem::BufferPool& gzip_pool;
  MemoryGate& memory;
  SlowReaders& readers;
  loop::Event& memory_short;  // the core's guard waits for it
  observe::CoreMetrics& metrics;
  SnapshotPtr snapshot;  // replaced by reload; a request takes its own copy
  RequestIds ids{};
  loop::Clock::time_point next_scout{};  // see check_room()
};

class RequestHandler final : public http::Handler {
 public:
  explicit RequestHandler(CoreServices& services) : services_(services) {}
  loop::Task<void> handle(loop::Scope& scope, const http::Request& request,
                          http::Responder& responder, const http::Peer& peer) override;

 private:
  CoreServices& services_;
};

// Where health and readiness alone are heard (front_door.h): the rest gets 503, and every answer
// ends its connection.
class HealthHandler final : public http::Handler {
 public:
  explicit HealthHandler(CoreServices& services) : services_(services) {}
  loop::Task<void> handle(loop::Scope& scope, const http::Request& request,
                          http::Responder& responder, const http::Peer& peer) override;

 private:
  CoreServices& services_;
};

// The metrics listener: every path but those of health and readiness answers with the counters of
// all cores.
class MetricsHandler final : public http::Handler {
 public:
  explicit MetricsHandler(CoreServices& services) : services_(services) {}
  loop::Task<void> handle(loop::Scope& scope, const http::Request& request,
                          http::Responder& responder, const http::Peer& peer) override;

 private:
  CoreServices& services_;
};

}  // namespace imgring::server
