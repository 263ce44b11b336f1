// Counting by name, and the Prometheus text of all cores.
#include "imgring/observe/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace imgring::observe {
namespace {

constexpr double kNanosecondsPerSecond = 1e9;
using mem::BufferPool;
using mem::Counter;

// One page of text being written. Labels come as they are printed: `status="200"`, values of ours
// only, none of which needs escaping.
class Page {
 public:
  explicit Page(std::string_view name_space) {
    for (const char c : name_space) prefix_ += is_name_char(c) ? c : '_';
    if (prefix_.empty()) return;
    if (prefix_.front() >= '0' && prefix_.front() <= '9') prefix_.insert(0, 1, '_');
    prefix_ += '_';
  }

  struct Family {
    std::string_view name, type, help;
  };
  void begin(const Family& family) { open(prefix_ + std::string(own_), family); }
  // process_*: the standard names know no namespace.
  void begin_standard(const Family& family) { open("", family); }

  template <class Number>
  void sample(std::string_view labels, Number value) {
    put(name_, labels, value);
  }
  template <class Number>
  void only(const Family& family, Number value) {
    begin(family);
    sample("", value);
  }
  template <class Number>
  void only_standard(const Family& family, std::optional<Number> value) {
    if (!value) return;
    begin_standard(family);
    sample("", *value);
  }

  struct Sums {
    std::span<const double> bounds;
    std::span<const std::uint64_t> counts;  // not cumulative, one more than bounds
    double sum;
  };
  void histogram(std::string_view labels, const Sums& sums) {
    const std::string_view comma = labels.empty() ? "" : ",";
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < sums.counts.size(); ++i) {
      total += sums.counts[i];
      const std::string bound =
          i < sums.bounds.size() ? fmt::format("{}", sums.bounds[i]) : std::string("+Inf");
      put(name_ + "_bucket", fmt::format("{}{}le=\"{}\"", labels, comma, bound), total);
    }
    put(name_ + "_sum", labels, sums.sum);
    put(name_ + "_count", labels, total);
  }
  // Whose names the families from here on have.
  enum class Names : std::uint8_t { kImgproxys, kOwn, kOlder };
  void names_are(Names names) {
    own_ = names == Names::kOwn ? "imgring_" : "";
    note_ = names == Names::kOlder ? " (older name of imgring_*, gone with 0.3)" : "";
  }
  std::string take() { return std::move(text_); }

 private:
  static bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == ':';
  }
  void open(std::string_view prefix, const Family& family) {
    name_ = prefix;
    name_ += family.name;
    fmt::format_to(std::back_inserter(text_), "# HELP {} {}{}\n# TYPE {} {}\n", name_, family.help,
                   note_, name_, family.type);
  }
  template <class Number>
  void put(std::string_view name, std::string_view labels, Number value) {
    const bool bare = labels.empty();
    fmt::format_to(std::back_inserter(text_), "{}{}{}{} {}\n", name, bare ? "" : "{", labels,
                   bare ? "" : "}", value);
  }

  std::string prefix_;
  std::string_view own_, note_;
  std::string name_;
  std::string text_;
};

// The sum over cores of what `pick` names in each.
template <class Pick>
std::uint64_t sum(const MetricsView& view, Pick pick) {
  std::uint64_t total = 0;
  for (const CoreMetrics* core : view.cores) total += pick(*core).value();
  return total;
}

template <class Pick>
void put_histogram(Page& page, const MetricsView& view, std::string_view labels, Pick pick) {
  using Kind = std::remove_cvref_t<decltype(pick(*view.cores.front()))>;
  std::array<double, Kind::kCount - 1> bounds = {};
  std::array<std::uint64_t, Kind::kCount> counts = {};
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    bounds[i] = static_cast<double>(Kind::bounds()[i]) / kNanosecondsPerSecond;
  }
  std::uint64_t sum_ns = 0;
  for (const CoreMetrics* core : view.cores) {
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += pick(*core).bucket(i);
    sum_ns += pick(*core).sum_ns();
  }
  page.histogram(labels, {bounds, counts, static_cast<double>(sum_ns) / kNanosecondsPerSecond});
}

void put_requests(Page& page, const MetricsView& view) {
  page.only({"requests_total", "counter",
             "A counter of the total number of HTTP requests imgproxy processed."},
            sum(view, [](const CoreMetrics& c) -> auto& { return c.requests; }));
  page.begin({"status_codes_total", "counter", "A counter of the response status codes."});
  for (int code = kStatusMin; code <= kStatusMax; ++code) {
    const std::size_t index = code - kStatusMin;
    const auto count =
        sum(view, [index](const CoreMetrics& c) -> auto& { return c.status_codes[index]; });
    if (count > 0) page.sample(fmt::format("status=\"{}\"", code), count);
  }
  page.begin({"errors_total", "counter", "A counter of the occurred errors separated by type."});
  for (std::size_t i = 0; i < kErrorTypes.size(); ++i) {
    page.sample(fmt::format("type=\"{}\"", kErrorTypes[i]),
                sum(view, [i](const CoreMetrics& c) -> auto& { return c.errors[i]; }));
  }
  page.begin({"request_duration_seconds", "histogram", "A histogram of the response latency."});
  put_histogram(page, view, "", [](const CoreMetrics& c) -> auto& { return c.request_duration; });
  page.begin({"request_span_duration_seconds", "histogram",
              "A histogram of the duration of a request's parts."});
  for (std::size_t i = 0; i < kSpanNames.size(); ++i) {
    put_histogram(page, view, fmt::format("span=\"{}\"", kSpanNames[i]),
                  [i](const CoreMetrics& c) -> auto& { return c.spans[i]; });
  }
}

void put_gauges(Page& page, const MetricsView& view) {
  const auto in_progress =
      sum(view, [](const CoreMetrics& c) -> auto& { return c.requests_in_progress; });
  page.only({"workers", "gauge", "A gauge of the number of running workers."}, view.workers);
  page.only({"requests_in_progress", "gauge",
             "A gauge of the number of requests currently being in progress."},
            in_progress);
  page.only({"images_in_progress", "gauge",
             "A gauge of the number of images currently being in progress."},
            sum(view, [](const CoreMetrics& c) -> auto& { return c.images_in_progress; }));
  // Requests, not busy workers, as imgproxy counts: it can pass 100.
  page.only({"workers_utilization", "gauge", "A gauge of the workers utilization in percents."},
            static_cast<double>(in_progress) * 100 / std::max(1, view.workers));
  page.only({"vips_memory_bytes", "gauge", "A gauge of the vips tracked memory usage in bytes."},
            view.vips.memory_bytes);
  page.only(
      {"vips_max_memory_bytes", "gauge", "A gauge of the max vips tracked memory usage in bytes."},
      view.vips.memory_bytes_max);
  page.only({"vips_allocs", "gauge", "A gauge of the number of active vips allocations."},
            view.vips.allocs);
}

void put_lanes(Page& page, const MetricsView& view) {
  page.begin({"jobs_waiting", "gauge", "Image jobs that wait for a helper, by lane."});
  const auto label = [](const LaneNumbers& lane) { return fmt::format("lane=\"{}\"", lane.name); };
  for (const LaneNumbers& lane : view.lanes) page.sample(label(lane), lane.waiting);
  page.begin({"jobs_running", "gauge", "Image jobs that helpers work on, by lane."});
  for (const LaneNumbers& lane : view.lanes) page.sample(label(lane), lane.running);
  page.begin({"jobs_expected_wait_seconds", "gauge",
              "What a job that comes now is expected to wait for a helper, by lane."});
  for (const LaneNumbers& lane : view.lanes) page.sample(label(lane), lane.expected_wait_s);
}

// Ours: imgproxy has none of these.
void put_svg_children(Page& page, const ChildNumbers& svg) {
  page.only({"svg_children", "gauge", "Child processes that draw SVGs."}, svg.alive);
  page.only({"svg_children_resident_bytes", "gauge", "Resident memory of these children."},
            svg.resident_bytes);
  page.only({"svg_children_started_total", "counter", "Children started to draw SVGs."},
            svg.started);
  page.begin({"svg_children_ended_total", "counter",
              "Children lost while they drew: by themselves, or at a deadline."});
  page.sample("reason=\"died\"", svg.died);
  page.sample("reason=\"stopped\"", svg.stopped);
}

void put_own(Page& page, const MetricsView& view) {
  page.begin({"engine_info", "gauge", "1 for the engine under the loops (IMGRING_ENGINE)."});
  page.sample(fmt::format("engine=\"{}\"", view.engine), 1);
  page.only({"connections", "gauge", "Open client connections."},
            sum(view, [](const CoreMetrics& c) -> auto& { return c.connections; }));
  page.only({"connections_waiting", "gauge", "Connections that wait for a client's place."},
            sum(view, [](const CoreMetrics& c) -> auto& { return c.connections_waiting; }));
  page.only({"connections_held", "gauge",
             "Connections that were refused beyond the pace and are not read for a while."},
            sum(view, [](const CoreMetrics& c) -> auto& { return c.connections_held; }));
  page.only({"connections_held_total", "counter", "How often a connection was held so."},
            sum(view, [](const CoreMetrics& c) -> auto& { return c.holds; }));
  page.begin({"refused_total", "counter", "Work turned away before it began, by reason."});
  for (std::size_t i = 0; i < kRefusalNames.size(); ++i) {
    page.sample(fmt::format("reason=\"{}\"", kRefusalNames[i]),
                sum(view, [i](const CoreMetrics& c) -> auto& { return c.refusals[i]; }));
  }
  page.only({"cancelled_jobs_total", "counter", "Image work given up by its client or its time."},
            sum(view, [](const CoreMetrics& c) -> auto& { return c.cancelled_jobs; }));
  put_svg_children(page, view.svg);
  page.only({"log_lines_dropped_total", "counter",
             "Log lines that were not written: their reader was slow or gone."},
            view.log.dropped);
  page.only({"log_requests_summed_total", "counter",
             "Failed requests that the log tells of as a count of equal ones."},
            view.log.summed);
  page.begin({"memory_tick_duration_seconds", "histogram",
              "Time a loop spends in a memory release tick."});
  put_histogram(page, view, "", [](const CoreMetrics& c) -> auto& { return c.tick_duration; });
  page.begin({"memory_tick_wait_seconds", "histogram",
              "Time at most that something that arrived waited for a piece of a tick."});
  put_histogram(page, view, "", [](const CoreMetrics& c) -> auto& { return c.tick_wait; });
  page.begin({"loop_turn_duration_seconds", "histogram", "Time of a loop's turn without waiting."});
  put_histogram(page, view, "", [](const CoreMetrics& c) -> auto& { return c.turn_duration; });
}

// Used bytes of a part, without the idle buffers of the pools that are of it.
std::uint64_t in_use(const mem::Budget& part, const MetricsView& view, std::string_view pools) {
  std::uint64_t idle = 0;
  for (const BufferPool* pool : view.pools) {
    if (pool->in_ledger() && pool->name() == pools) idle += pool->stats().idle_bytes.value();
  }
  const std::uint64_t used = part.current();
  return used - std::min(used, idle);
}

// Of two of the account's parts, as they were named first.
void put_older_ledger(Page& page, const MetricsView& view) {
  const mem::Ledger& ledger = *view.memory.ledger;
  const mem::Budget& plans = ledger.part(mem::Part::kPlans);
  page.only({"planned_bytes", "gauge", "Bytes that jobs and unsent results hold by their plans."},
            in_use(plans, view, "gzip"));
  page.only({"planned_bytes_max", "gauge", "Their budget."}, plans.max());
  const mem::Budget& downloads = ledger.part(mem::Part::kDownloads);
  page.only({"download_bytes", "gauge", "Bytes of source bodies, arriving and being worked on."},
            in_use(downloads, view, "download"));
  page.only({"download_bytes_max", "gauge", "Their budget."}, downloads.max());
}

// The parts of the account.
void put_ledger(Page& page, const MetricsView& view) {
  const mem::Ledger& ledger = *view.memory.ledger;
  struct Series {
    Page::Family family;
    std::uint64_t (mem::Budget::*value)() const noexcept;
  };
  constexpr Series kSeries[] = {
      {{"memory_part_bytes", "gauge", "Bytes taken of each part of the memory limit."},
       &mem::Budget::current},
      {{"memory_part_bytes_max", "gauge", "Size of the part."}, &mem::Budget::max},
      {{"memory_part_peak_bytes", "gauge", "The most that was taken of it at once."},
       &mem::Budget::peak},
  };
  for (const Series& series : kSeries) {
    page.begin(series.family);
    for (std::size_t i = 0; i < mem::kPartCount; ++i) {
      const auto part = static_cast<mem::Part>(i);
      page.sample(fmt::format("part=\"{}\"", mem::facts_of(part).name),
                  (ledger.part(part).*series.value)());
    }
  }
  page.only({"memory_result_bytes", "gauge", "Bytes of results that wait for their readers."},
            ledger.results().current());
}

void put_memory(Page& page, const MetricsView& view) {
  const MemoryNumbers& m = view.memory;
  page.only({"memory_rss_bytes", "gauge", "Resident memory, files included."}, m.rss_bytes);
  page.only({"memory_rss_anon_bytes", "gauge", "Resident memory that is no file's."},
            m.rss_anon_bytes);
  page.only({"memory_limit_bytes", "gauge", "The memory limit: of the cgroup, or the machine's."},
            m.limit_bytes);
  page.only({"allocator_committed_bytes", "gauge", "Memory that the allocator holds."},
            m.committed_bytes);
  page.only({"allocator_in_use_bytes", "gauge",
             "Of it, live blocks of the loops, as of their last ticks (system allocator: of all)."},
            m.in_use_bytes);
  if (m.ledger != nullptr) put_ledger(page, view);
  page.only({"memory_waiting", "gauge", "Requests that wait for planned bytes."},
            sum(view, [](const CoreMetrics& c) -> auto& { return c.memory_waiting; }));
}

// The pools of one use, over the cores.
struct PoolGroup {
  std::string_view type;
  std::vector<const BufferPool*> pools;

  std::uint64_t sum(Counter mem::PoolStats::* counter) const {
    std::uint64_t total = 0;
    for (const BufferPool* pool : pools) total += (pool->stats().*counter).value();
    return total;
  }
  // nullopt before the first calibration anywhere.
  std::optional<std::uint64_t> largest(Counter mem::PoolStats::* counter) const {
    std::optional<std::uint64_t> found;
    for (const BufferPool* pool : pools) {
      if (pool->stats().calibrations.value() == 0) continue;
      found = std::max(found.value_or(0), (pool->stats().*counter).value());
    }
    return found;
  }
  std::string label() const { return fmt::format("type=\"{}\"", type); }
};

std::vector<PoolGroup> group_pools(const MetricsView& view) {
  std::vector<PoolGroup> groups;
  for (const BufferPool* pool : view.pools) {
    auto at = std::find_if(groups.begin(), groups.end(),
                           [pool](const PoolGroup& g) { return g.type == pool->name(); });
    if (at == groups.end()) at = groups.insert(at, {.type = pool->name(), .pools = {}});
    at->pools.push_back(pool);
  }
  return groups;
}

void put_pool_sizes(Page& page, const std::vector<PoolGroup>& groups) {
  std::array<double, mem::kBufferBucketCount> bounds = {};
  for (int i = 0; i < mem::kBufferBucketCount; ++i) {
    bounds[i] = static_cast<double>(mem::kept_bound(i));
  }
  page.begin({"buffer_size_bytes", "histogram", "A histogram of the buffer size in bytes."});
  for (const PoolGroup& group : groups) {
    std::array<std::uint64_t, mem::kBufferBucketCount + 1> counts = {};
    for (const BufferPool* pool : group.pools) {
      for (std::size_t i = 0; i < counts.size(); ++i) {
        counts[i] += pool->stats().kept_buckets[i].value();
      }
    }
    const auto total = static_cast<double>(group.sum(&mem::PoolStats::kept_bytes));
    page.histogram(group.label(), {bounds, counts, total});
  }
  page.begin(
      {"buffer_default_size_bytes", "gauge", "A gauge of the buffer default size in bytes."});
  for (const PoolGroup& group : groups) {
    const auto size = group.largest(&mem::PoolStats::default_size_bytes);
    if (size) page.sample(group.label(), *size);
  }
  page.begin({"buffer_max_size_bytes", "gauge", "A gauge of the buffer max size in bytes."});
  for (const PoolGroup& group : groups) {
    const auto size = group.largest(&mem::PoolStats::max_size_bytes);
    if (size) page.sample(group.label(), *size);
  }
}

std::string loop_label(const BufferPool& pool) {
  return fmt::format("type=\"{}\",loop=\"{}\"", pool.name(), pool.loop_index());
}

void put_pool_use(Page& page, const MetricsView& view, const std::vector<PoolGroup>& groups) {
  page.begin({"buffer_pool_idle_bytes", "gauge", "Bytes of idle buffers."});
  for (const BufferPool* pool : view.pools) {
    page.sample(loop_label(*pool), pool->stats().idle_bytes.value());
  }
  std::uint64_t foreign = 0;
  page.begin({"buffer_pool_in_use_bytes", "gauge", "Bytes of buffers in use."});
  for (const BufferPool* pool : view.pools) {
    // A buffer freed by a foreign thread stays counted in its pool.
    const std::uint64_t gone = pool->stats().foreign_free_bytes.load(std::memory_order_relaxed);
    const std::uint64_t out = pool->stats().in_use_bytes.value();
    page.sample(loop_label(*pool), out > gone ? out - gone : 0);
    foreign += pool->stats().foreign_frees.load(std::memory_order_relaxed);
  }
  page.begin({"buffer_pool_dropped_total", "counter", "Buffers freed instead of kept, by reason."});
  for (const PoolGroup& group : groups) {
    const auto put = [&page, &group](std::string_view reason, Counter mem::PoolStats::* counter) {
      page.sample(fmt::format("{},reason=\"{}\"", group.label(), reason), group.sum(counter));
    };
    put("too_big", &mem::PoolStats::dropped_too_big);
    put("full", &mem::PoolStats::dropped_full);
    put("decay", &mem::PoolStats::dropped_decay);
  }
  page.begin({"buffer_pool_calibrations_total", "counter", "Times a pool learned its sizes anew."});
  for (const PoolGroup& group : groups) {
    page.sample(group.label(), group.sum(&mem::PoolStats::calibrations));
  }
  page.begin({"buffer_pool_misses_total", "counter", "Buffers that had to be allocated."});
  for (const PoolGroup& group : groups) {
    page.sample(group.label(), group.sum(&mem::PoolStats::misses));
  }
  page.only({"buffer_foreign_free_total", "counter", "Buffers freed by a foreign thread: a bug."},
            foreign);
}

void put_picture_children(Page& page, const MetricsView& view) {
  const ChildNumbers& pictures = view.pictures;
  page.only({"picture_children", "gauge",
             "Child processes that decode and encode pictures (IMGRING_SANDBOX)."},
            pictures.alive);
  page.only({"picture_children_resident_bytes", "gauge", "Resident memory of these children."},
            pictures.resident_bytes);
  page.only({"picture_children_started_total", "counter", "Children started for pictures."},
            pictures.started);
  page.begin({"picture_children_ended_total", "counter",
              "Children lost while they worked: by themselves, or killed behind a deadline."});
  page.sample("reason=\"died\"", pictures.died);
  page.sample("reason=\"stopped\"", pictures.stopped);
  page.only({"sandbox_given_up", "gauge",
             "1: no child can be shut in here; the server itself works on all pictures but SVGs."},
            view.sandbox_given_up ? 1 : 0);
}

void put_life(Page& page, const MetricsView& view) {
  page.begin({"build_info", "gauge", "What runs; always 1."});
  page.sample(fmt::format("version=\"{}\",libvips=\"{}\",allocator=\"{}\"", view.build.version,
                          view.build.libvips, view.build.allocator),
              1);
  page.begin({"reloads_total", "counter", "SIGHUPs, by what became of them."});
  page.sample("result=\"good\"", view.reload.good);
  page.sample("result=\"failed\"", view.reload.failed);
  page.only({"info_requests_total", "counter", "Requests of the info endpoint with a good URL."},
            sum(view, [](const CoreMetrics& c) -> auto& { return c.info_requests; }));
  page.only({"requests_with_ignored_options_total", "counter",
             "Requests from whose URLs options were left out that are not built."},
            sum(view, [](const CoreMetrics& c) -> auto& { return c.ignored_options; }));
  put_picture_children(page, view);
  page.only({"last_reload_failed", "gauge",
             "1: the configuration that the last SIGHUP asked for is not in force."},
            view.reload.last_failed ? 1 : 0);
  page.only(
      {"last_reload_good_timestamp_seconds", "gauge", "When the configuration in force was read."},
      view.reload.good_unix_s);
}

void put_process(Page& page, const ProcessNumbers& process) {
  page.only_standard(
      {"process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds."},
      process.cpu_seconds);
  page.only_standard({"process_open_fds", "gauge", "Number of open file descriptors."},
                     process.open_fds);
  page.only_standard({"process_max_fds", "gauge", "Maximum number of open file descriptors."},
                     process.max_fds);
  page.only_standard({"process_resident_memory_bytes", "gauge", "Resident memory size in bytes."},
                     process.resident_bytes);
  page.only_standard({"process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes."},
                     process.virtual_bytes);
  page.only_standard({"process_start_time_seconds", "gauge",
                      "Start time of the process since unix epoch in seconds."},
                     process.start_time_seconds);
}

}  // namespace

void CoreMetrics::count_status(int status) noexcept {
  if (status < kStatusMin || status > kStatusMax) return;
  status_codes[status - kStatusMin].add();
}

void CoreMetrics::count_error(ErrorCode code) noexcept {
  // A client that leaves is no error of ours: imgproxy does not report it either.
  if (code == ErrorCode::kCancelled || code == ErrorCode::kSourceCancelled) return;
  count_error(facts_of(code).metric_type);
}

void CoreMetrics::count_error(std::string_view type) noexcept {
  if (type.empty()) return;
  const auto* at = std::find(kErrorTypes.begin(), kErrorTypes.end(), type);
  if (at == kErrorTypes.end()) --at;  // unexpected
  errors[at - kErrorTypes.begin()].add();
}

std::string prometheus_text(const MetricsView& view) {
  Page page(view.name_space);
  put_requests(page, view);
  put_gauges(page, view);
  const std::vector<PoolGroup> groups = group_pools(view);
  put_pool_sizes(page, groups);
  for (const auto names : {Page::Names::kOwn, Page::Names::kOlder}) {
    page.names_are(names);
    put_pool_use(page, view, groups);
    put_own(page, view);
    put_lanes(page, view);
    put_memory(page, view);
  }
  if (view.memory.ledger != nullptr) put_older_ledger(page, view);
  page.names_are(Page::Names::kOwn);
  put_life(page, view);
  put_process(page, view.process);
  return page.take();
}

}  // namespace imgring::observe
