// One core: a thread with its loop, pools, sources, jobs, connections and counters. Shares nothing
// with the others but Process. Built and run on its own thread; only the `any thread` members are
// for others.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "imgring/http/server.h"
#include "imgring/loop/io.h"
#include "imgring/loop/offload.h"
#include "imgring/mem/buffer_pool.h"
#include "imgring/observe/metrics.h"
#include "imgring/server/state.h"

namespace imgring::server {

struct CoreStart {
  int index = 0;
  int count = 1;
  int listen_fd = -1;   // owned by the caller until the core has ended
  int metrics_fd = -1;  // core 0 only; -1: no metrics listener
  // Theirs who gave them, and who listen on: they are never shut.
  bool handed_over = false, metrics_handed_over = false;
  SnapshotPtr snapshot;
  std::unique_ptr<loop::Engine> (*make_engine)(EngineKind kind) = nullptr;
};

class Core {
 public:
  Core(Process& process, CoreStart start);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  bool start();  // its thread; false: the system has none for us
  void join();   // once every core has ended(): frees its parts

  // Any thread, after start().
  // All is served, answers end their connections; of a socket that was handed over nobody more is
  // taken, as whoever comes next takes them.
  void request_leave();
  void request_stop();  // drain, then end; a second call ends at once
  void client_left();   // a place of IMGPROXY_MAX_CLIENTS came free
  void replace_snapshot(SnapshotPtr snapshot);

  const observe::CoreMetrics& metrics() const noexcept { return metrics_; }
  observe::CoreMetrics& own_metrics() noexcept { return metrics_; }
  // Null until the thread runs.
  const mem::BufferPool* download_pool() const noexcept { return downloads_view_.load(); }
  const mem::BufferPool* gzip_pool() const noexcept { return gzip_view_.load(); }
  bool wants_clients() const noexcept;  // somebody may wait for a place
  // Jobs were left when the grace time was over (decision 1): the process must not wait for them.
  bool left_jobs() const noexcept { return left_jobs_.load(); }
  // Its loop turned within the last kBeatTime: what the watchdog is told.
  static constexpr std::chrono::seconds kBeatTime{3};
  bool beats() const noexcept;
  // Its loop is over; join() will not wait long.
  bool ended() const noexcept { return ended_.load(); }

 private:
  struct Parts;
  void run();
  Process& process_;
  CoreStart start_;
  observe::CoreMetrics metrics_;
  std::atomic<const mem::BufferPool*> downloads_view_{nullptr}, gzip_view_{nullptr};
  std::atomic<bool> left_jobs_{false};
  std::atomic<bool> ended_{false};
  std::atomic<bool> released_{false};
  std::atomic<std::int64_t> beat_ns_{0};
  std::atomic<Parts*> parts_{nullptr};
  std::thread thread_;
};

}  // namespace imgring::server
