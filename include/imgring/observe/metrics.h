// Counters of one core, and their sum as imgproxy's Prometheus text.
// Owns: CoreMetrics, the numbers of one loop. Touch: the loop writes, any thread reads. Counting
// allocates nothing.
// Promises: names, types, labels and buckets are imgproxy's (server.md 10.1, memory.md 5.5); what
// imgproxy does not have is named imgring_*, and until 0.3 once more without that, as it was
// before; valid text format 0.0.4.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "imgring/base/error.h"
#include "imgring/mem/buffer_pool.h"
#include "imgring/mem/counter.h"
#include "imgring/mem/ledger.h"
#include "imgring/observe/duration.h"
#include "imgring/observe/process.h"

namespace imgring::observe {

enum class Span : std::uint8_t { kQueue, kDownloading, kProcessing, kStreaming };
inline constexpr std::array<std::string_view, 4> kSpanNames = {
    "queue", "downloading_source_image", "processing_image", "streaming_image"};
static_assert(static_cast<std::size_t>(Span::kStreaming) + 1 == kSpanNames.size());

// Labels of errors_total, in imgproxy's words.
inline constexpr std::array<std::string_view, 10> kErrorTypes = {
    "path_parsing", "security",        "queue", "download",  "processing",
    "timeout",      "image_data_size", "IO",    "streaming", "unexpected"};

// Why a request or a connection was turned away before its work.
enum class Refusal : std::uint8_t {
  kQueueFull,       // 429: IMGPROXY_REQUESTS_QUEUE_SIZE
  kJobs,            // 503: the bound on jobs
  kDownloadBudget,  // 503: no room for bodies
  kMemory,          // 503: 92 % of the memory limit
  kDeadline,        // 503: could not have started in time
  kSlowReader,      // answers that were ended: others waited for their memory
  kClients,         // 503: waited in vain for a place among IMGPROXY_MAX_CLIENTS
  kSilent,          // closed: said nothing where only health is heard
};
inline constexpr std::array<std::string_view, 8> kRefusalNames = {
    "queue_full", "jobs",        "download_budget", "memory",
    "deadline",   "slow_reader", "clients",         "silent"};
static_assert(static_cast<std::size_t>(Refusal::kSilent) + 1 == kRefusalNames.size());

inline constexpr int kStatusMin = 100;
inline constexpr int kStatusMax = 599;

// alignas: no core's counters share a cache line with another's.
struct alignas(64) CoreMetrics {
  mem::Counter requests;  // image GETs
  std::array<mem::Counter, kStatusMax - kStatusMin + 1> status_codes;
  std::array<mem::Counter, kErrorTypes.size()> errors;
  DurationHistogram request_duration;
  std::array<DurationHistogram, kSpanNames.size()> spans;
  mem::Counter requests_in_progress;  // gauges: add and sub
  mem::Counter images_in_progress;
  mem::Counter connections;
  mem::Counter connections_waiting;  // gauge: for a place
  mem::Counter connections_held;     // gauge: refused beyond the pace, not read for a while
  mem::Counter holds;                // how often one was
  std::array<mem::Counter, kRefusalNames.size()> refusals;
  mem::Counter cancelled_jobs;   // work whose client left or whose time was over
  mem::Counter info_requests;    // of the info endpoint, whose URL was accepted
  mem::Counter ignored_options;  // requests from which options were left out that are not built
  PauseHistogram tick_duration;  // the memory-release tick
  PauseHistogram tick_wait;      // of it, what something waited for
  mem::Counter in_use_bytes;     // of this loop's heap at its last tick
  mem::Counter memory_waiting;   // gauge: requests that wait for memory to be free
  PauseHistogram turn_duration;  // turns of the loop that were not waiting

  // Codes outside 100..599 are not counted.
  void count_status(int status) noexcept;
  // By the code's metric type; a client that left is not counted.
  void count_error(ErrorCode code) noexcept;
  void count_error(std::string_view type) noexcept;
  void count_refusal(Refusal why) noexcept { refusals[static_cast<std::size_t>(why)].add(); }
  DurationHistogram& span(Span which) noexcept { return spans[static_cast<std::size_t>(which)]; }
};

// Whole-process numbers of libvips, which this module does not know.
struct VipsNumbers {
  std::uint64_t memory_bytes = 0;
  std::uint64_t memory_bytes_max = 0;
  std::uint64_t allocs = 0;
};

// One lane of helpers, which this module does not know.
struct LaneNumbers {
  std::string_view name;
  std::uint64_t waiting = 0, running = 0;
  double expected_wait_s = 0;  // of a job that comes now
};

// Child processes of one kind of work.
struct ChildNumbers {
  std::uint64_t alive = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t started = 0;
  std::uint64_t died = 0;
  std::uint64_t stopped = 0;
};

// Memory of the whole process, its budgets, and who waits for it.
struct MemoryNumbers {
  std::uint64_t rss_bytes = 0, rss_anon_bytes = 0, limit_bytes = 0;
  std::uint64_t committed_bytes = 0;
  std::uint64_t in_use_bytes = 0;       // live blocks, as of the last ticks
  const mem::Ledger* ledger = nullptr;  // null: no series of it
};

// What the log leaves out.
struct LogNumbers {
  std::uint64_t dropped = 0;  // lines whose reader was slow or gone
  std::uint64_t summed = 0;   // failed requests that were said as a count
};

// What runs, for imgring_build_info: plain words, none of which needs escaping.
struct BuildNumbers {
  std::string_view version, libvips, allocator;
};

// SIGHUPs.
struct ReloadNumbers {
  std::uint64_t good = 0, failed = 0;
  double good_unix_s = 0;  // of the last that went well, or of the start
  bool last_failed = false;
};

struct MetricsView {
  std::string_view name_space;  // IMGPROXY_PROMETHEUS_NAMESPACE; not put before process_*
  std::span<const CoreMetrics* const> cores;
  std::span<const mem::BufferPool* const> pools;  // of all cores
  int workers = 1;
  std::string_view engine;  // of the loops
  std::span<const LaneNumbers> lanes;
  VipsNumbers vips;
  ChildNumbers svg;
  ChildNumbers pictures{};
  bool sandbox_given_up = false;  // pictures are worked on in this process
  MemoryNumbers memory;
  LogNumbers log{};
  BuildNumbers build{};
  ReloadNumbers reload{};
  ProcessNumbers process;
};

inline constexpr std::string_view kPrometheusContentType =
    "text/plain; version=0.0.4; charset=utf-8";
std::string prometheus_text(const MetricsView& view);

}  // namespace imgring::observe
