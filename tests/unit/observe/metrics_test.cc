// Tests of src/observe/metrics.cc: the text is valid, has imgproxy's names, and sums the cores.
#include "imgring/observe/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "imgring/base/text.h"

namespace imgring::observe {
namespace {

using namespace std::chrono_literals;

// A strict reader of the text format 0.0.4: families in one piece with HELP and TYPE first, no
// series twice, histograms cumulative and ending in +Inf = count.
class Reader {
 public:
  explicit Reader(std::string_view text) {
    EXPECT_TRUE(text.ends_with('\n'));
    for (const std::string_view line : split(text.substr(0, text.size() - 1), "\n")) {
      SCOPED_TRACE(line);
      if (line.starts_with("# HELP ")) {
        help(line.substr(7));
      } else if (line.starts_with("# TYPE ")) {
        type(line.substr(7));
      } else {
        sample(line);
      }
    }
    check_histograms();
  }
  // NaN when there is no such series.
  double operator[](const std::string& series) const {
    const auto at = series_.find(series);
    return at == series_.end() ? std::nan("") : at->second;
  }
  bool has(const std::string& series) const { return series_.contains(series); }
  const std::map<std::string, std::string>& types() const { return types_; }

 private:
  static bool is_name(std::string_view name) {
    const auto letter = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
    };
    if (name.empty() || !letter(name[0])) return false;
    return std::all_of(name.begin(), name.end(),
                       [&letter](char c) { return letter(c) || (c >= '0' && c <= '9'); });
  }
  void help(std::string_view rest) {
    const std::size_t space = rest.find(' ');
    ASSERT_NE(space, std::string_view::npos);
    family_ = rest.substr(0, space);
    EXPECT_TRUE(is_name(family_));
    EXPECT_FALSE(types_.contains(family_)) << "a family in two pieces";
    EXPECT_FALSE(trim(rest.substr(space)).empty());
    EXPECT_EQ(rest.find('\\'), std::string_view::npos);
  }
  void type(std::string_view rest) {
    const auto parts = split(rest, " ");
    ASSERT_EQ(parts.size(), 2u);
    EXPECT_EQ(parts[0], family_);
    const std::set<std::string_view> known = {"counter", "gauge", "histogram"};
    EXPECT_TRUE(known.contains(parts[1]));
    EXPECT_TRUE(types_.emplace(parts[0], parts[1]).second);
  }
  void sample(std::string_view line) {
    const std::size_t space = line.rfind(' ');
    ASSERT_NE(space, std::string_view::npos);
    const std::string series(line.substr(0, space));
    const auto value = parse_float(line.substr(space + 1));
    ASSERT_TRUE(value.has_value());
    EXPECT_TRUE(series_.emplace(series, *value).second) << "twice";
    const std::size_t brace = series.find('{');
    const std::string name = series.substr(0, brace);
    EXPECT_TRUE(is_name(name));
    const std::string kind = types_[family_];
    const std::string suffix = name.substr(std::min(family_.size(), name.size()));
    EXPECT_TRUE(name.starts_with(family_));
    if (kind == "histogram") {
      EXPECT_TRUE(suffix == "_bucket" || suffix == "_sum" || suffix == "_count");
      order_.emplace_back(series, *value);
    } else {
      EXPECT_EQ(suffix, "");
    }
    EXPECT_TRUE(kind != "counter" || name.ends_with("_total"));
    EXPECT_GE(*value, 0);
    if (brace == std::string::npos) return;
    ASSERT_TRUE(series.ends_with('}'));
    for (const std::string_view label :
         split(std::string_view(series).substr(brace + 1, series.size() - brace - 2), ",")) {
      const std::size_t equal = label.find("=\"");
      ASSERT_NE(equal, std::string_view::npos);
      EXPECT_TRUE(is_name(label.substr(0, equal)));
      EXPECT_TRUE(label.ends_with('"'));
      EXPECT_EQ(label.substr(equal + 2).find('"'), label.size() - equal - 3) << "unescaped quote";
    }
  }
  void check_histograms() const {
    double last = 0;
    bool infinite = false;
    for (const auto& [series, value] : order_) {
      SCOPED_TRACE(series);
      if (series.find("_bucket") != std::string::npos) {
        EXPECT_GE(value, last);
        last = value;
        infinite = series.find("le=\"+Inf\"") != std::string::npos;
      } else if (series.find("_count") != std::string::npos) {
        EXPECT_TRUE(infinite);
        EXPECT_EQ(value, last);
        last = 0;
      }
    }
  }

  std::string family_;
  std::map<std::string, std::string> types_;
  std::map<std::string, double> series_;
  std::vector<std::pair<std::string, double>> order_;
};

// Two cores, the pools of both, and what a scrape sees of them.
class Metrics : public testing::Test {
 protected:
  Metrics() {
    for (int loop = 0; loop < 2; ++loop) {
      for (const mem::PoolUse use : {mem::PoolUse::kDownload, mem::PoolUse::kGzip}) {
        mem::PoolOptions options;
        options.use = use;
        options.calibration_threshold = 4;
        options.loop_index = loop;
        pools_.push_back(std::make_unique<mem::BufferPool>(options));
        pool_pointers_.push_back(pools_.back().get());
      }
    }
  }
  MetricsView view() {
    return {.name_space = name_space_,
            .cores = core_pointers_,
            .pools = pool_pointers_,
            .workers = 4,
            .engine = "epoll",
            .lanes = lanes_,
            .vips = {.memory_bytes = 1000, .memory_bytes_max = 2000, .allocs = 3},
            .svg = {},
            .memory = {.rss_bytes = 90,
                       .rss_anon_bytes = 50,
                       .limit_bytes = 1000,
                       .committed_bytes = 60,
                       .in_use_bytes = 40,
                       .ledger = &ledger_},
            .process = {}};
  }
  std::string text() { return prometheus_text(view()); }
  void pass(int pool, std::size_t size_bytes) {
    Result<mem::Lease> lease = pools_[pool]->get(size_bytes);
    ASSERT_TRUE(lease.has_value());
    ASSERT_TRUE(pools_[pool]->grow(*lease, {.needed_bytes = size_bytes, .limit_bytes = 1 << 30}));
    lease->set_size(size_bytes);
  }

  std::string name_space_;
  mem::Ledger ledger_{256 << 20};
  std::array<LaneNumbers, 2> lanes_ = {
      {{.name = "quick", .waiting = 3, .running = 2, .expected_wait_s = 0.5},
       {.name = "patient", .waiting = 0, .running = 1, .expected_wait_s = 0}}};
  std::array<CoreMetrics, 2> cores_;
  std::array<const CoreMetrics*, 2> core_pointers_ = {&cores_[0], &cores_[1]};
  std::vector<std::unique_ptr<mem::BufferPool>> pools_;
  std::vector<const mem::BufferPool*> pool_pointers_;
};

TEST_F(Metrics, EveryImgproxyNameIsThereWithItsType) {
  MetricsView all = view();
  all.process = read_process_numbers();
  const std::string page = prometheus_text(all);
  const Reader reader(page);
  const std::map<std::string, std::string> expected = {
      {"requests_total", "counter"},
      {"status_codes_total", "counter"},
      {"errors_total", "counter"},
      {"request_duration_seconds", "histogram"},
      {"request_span_duration_seconds", "histogram"},
      {"workers", "gauge"},
      {"requests_in_progress", "gauge"},
      {"images_in_progress", "gauge"},
      {"workers_utilization", "gauge"},
      {"vips_memory_bytes", "gauge"},
      {"vips_max_memory_bytes", "gauge"},
      {"vips_allocs", "gauge"},
      {"engine_info", "gauge"},
      {"buffer_size_bytes", "histogram"},
      {"buffer_default_size_bytes", "gauge"},
      {"buffer_max_size_bytes", "gauge"},
      {"buffer_pool_idle_bytes", "gauge"},
      {"buffer_pool_in_use_bytes", "gauge"},
      {"buffer_pool_dropped_total", "counter"},
      {"buffer_pool_calibrations_total", "counter"},
      {"buffer_pool_misses_total", "counter"},
      {"buffer_foreign_free_total", "counter"},
      {"process_cpu_seconds_total", "counter"},
      {"process_open_fds", "gauge"},
      {"process_max_fds", "gauge"},
      {"process_resident_memory_bytes", "gauge"},
      {"process_virtual_memory_bytes", "gauge"},
      {"process_start_time_seconds", "gauge"},
  };
  for (const auto& [name, type] : expected) {
    SCOPED_TRACE(name);
    const auto at = reader.types().find(name);
    ASSERT_NE(at, reader.types().end());
    EXPECT_EQ(at->second, type);
  }
}

TEST_F(Metrics, GoldenBeginning) {
  cores_[0].requests.add(2);
  cores_[1].requests.add(3);
  cores_[0].count_status(200);
  cores_[1].count_status(200);
  cores_[1].count_status(404);
  cores_[0].request_duration.observe(5ms);
  cores_[0].request_duration.observe(6ms);
  cores_[1].request_duration.observe(11'000ms);
  const std::string page = text();
  const std::string_view golden =
      "# HELP requests_total A counter of the total number of HTTP requests imgproxy processed.\n"
      "# TYPE requests_total counter\n"
      "requests_total 5\n"
      "# HELP status_codes_total A counter of the response status codes.\n"
      "# TYPE status_codes_total counter\n"
      "status_codes_total{status=\"200\"} 2\n"
      "status_codes_total{status=\"404\"} 1\n"
      "# HELP errors_total A counter of the occurred errors separated by type.\n"
      "# TYPE errors_total counter\n"
      "errors_total{type=\"path_parsing\"} 0\n"
      "errors_total{type=\"security\"} 0\n"
      "errors_total{type=\"queue\"} 0\n"
      "errors_total{type=\"download\"} 0\n"
      "errors_total{type=\"processing\"} 0\n"
      "errors_total{type=\"timeout\"} 0\n"
      "errors_total{type=\"image_data_size\"} 0\n"
      "errors_total{type=\"IO\"} 0\n"
      "errors_total{type=\"streaming\"} 0\n"
      "errors_total{type=\"unexpected\"} 0\n"
      "# HELP request_duration_seconds A histogram of the response latency.\n"
      "# TYPE request_duration_seconds histogram\n"
      "request_duration_seconds_bucket{le=\"0.005\"} 1\n"
      "request_duration_seconds_bucket{le=\"0.01\"} 2\n"
      "request_duration_seconds_bucket{le=\"0.025\"} 2\n"
      "request_duration_seconds_bucket{le=\"0.05\"} 2\n"
      "request_duration_seconds_bucket{le=\"0.1\"} 2\n"
      "request_duration_seconds_bucket{le=\"0.25\"} 2\n"
      "request_duration_seconds_bucket{le=\"0.5\"} 2\n"
      "request_duration_seconds_bucket{le=\"1\"} 2\n"
      "request_duration_seconds_bucket{le=\"2.5\"} 2\n"
      "request_duration_seconds_bucket{le=\"5\"} 2\n"
      "request_duration_seconds_bucket{le=\"10\"} 2\n"
      "request_duration_seconds_bucket{le=\"+Inf\"} 3\n"
      "request_duration_seconds_sum 11.011\n"
      "request_duration_seconds_count 3\n";
  EXPECT_EQ(page.substr(0, golden.size()), golden);
  Reader reader(page);
}

TEST_F(Metrics, LanesOfHelpersAreToldApart) {
  const std::string page = text();
  const Reader reader(page);
  EXPECT_EQ(reader["jobs_waiting{lane=\"quick\"}"], 3);
  EXPECT_EQ(reader["jobs_waiting{lane=\"patient\"}"], 0);
  EXPECT_EQ(reader["jobs_running{lane=\"quick\"}"], 2);
  EXPECT_EQ(reader["jobs_running{lane=\"patient\"}"], 1);
  EXPECT_EQ(reader["jobs_expected_wait_seconds{lane=\"quick\"}"], 0.5);
}

TEST_F(Metrics, NamespaceGoesBeforeAllButTheProcess) {
  name_space_ = "img";
  MetricsView all = view();
  all.process = {.cpu_seconds = 1.5,
                 .open_fds = 7,
                 .max_fds = {},
                 .resident_bytes = {},
                 .virtual_bytes = {},
                 .start_time_seconds = {}};
  const std::string page = prometheus_text(all);
  const Reader reader(page);
  EXPECT_EQ(reader["img_workers"], 4);
  EXPECT_TRUE(reader.has("img_request_span_duration_seconds_count{span=\"queue\"}"));
  EXPECT_EQ(reader["process_cpu_seconds_total"], 1.5);
  EXPECT_EQ(reader["process_open_fds"], 7);
  EXPECT_FALSE(reader.types().contains("process_max_fds")) << "unknown: no series";
  for (const auto& [name, type] : reader.types()) {
    EXPECT_TRUE(name.starts_with("img_") || name.starts_with("process_")) << name;
  }
  name_space_ = "9-my app";
  EXPECT_EQ(Reader(text())["_9_my_app_workers"], 4);
}

TEST_F(Metrics, ErrorsCountByType) {
  CoreMetrics& core = cores_[0];
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i) {
    core.count_error(static_cast<ErrorCode>(i));
  }
  core.count_error("IO");
  core.count_error("something new");
  core.count_error("");
  std::uint64_t total = 0;
  for (const mem::Counter& counter : core.errors) total += counter.value();
  // All codes but the two cancellations, and two by name.
  EXPECT_EQ(total, static_cast<std::uint64_t>(ErrorCode::kInternal) + 1 - 2 + 2);
  const Reader reader(text());
  EXPECT_EQ(reader["errors_total{type=\"IO\"}"], 1);
  EXPECT_GE(reader["errors_total{type=\"unexpected\"}"], 1);
  EXPECT_GE(reader["errors_total{type=\"download\"}"], 1);
}

TEST_F(Metrics, OddStatusCodesAreLeftOut) {
  for (const int status : {-1, 0, 99, 600, 100'000}) cores_[0].count_status(status);
  cores_[0].count_status(100);
  cores_[0].count_status(599);
  const Reader reader(text());
  EXPECT_EQ(reader["status_codes_total{status=\"100\"}"], 1);
  EXPECT_EQ(reader["status_codes_total{status=\"599\"}"], 1);
  EXPECT_FALSE(reader.has("status_codes_total{status=\"99\"}"));
  EXPECT_FALSE(reader.has("status_codes_total{status=\"600\"}"));
}

TEST_F(Metrics, GaugesGoUpAndDown) {
  cores_[0].requests_in_progress.add(5);
  cores_[0].requests_in_progress.sub(2);
  cores_[1].requests_in_progress.add(3);
  cores_[1].images_in_progress.add();
  cores_[0].span(Span::kProcessing).observe(20ms);
  cores_[0].count_refusal(Refusal::kMemory);
  cores_[1].cancelled_jobs.add(2);
  cores_[0].connections_held.add(3);
  cores_[1].connections_held.add(2);
  cores_[0].connections_held.sub();
  cores_[1].holds.add(9);
  cores_[0].ignored_options.add(4);
  cores_[1].info_requests.add(3);
  cores_[1].connections_waiting.set(5);
  cores_[1].tick_duration.observe(70us);
  cores_[1].tick_duration.observe(-1ms);
  const Reader reader(text());
  EXPECT_EQ(reader["requests_in_progress"], 6);
  EXPECT_EQ(reader["images_in_progress"], 1);
  EXPECT_EQ(reader["workers_utilization"], 150) << "it can pass 100";
  EXPECT_EQ(reader["engine_info{engine=\"epoll\"}"], 1);
  EXPECT_EQ(reader["request_span_duration_seconds_sum{span=\"processing_image\"}"], 0.02);
  EXPECT_EQ(reader["request_span_duration_seconds_count{span=\"streaming_image\"}"], 0);
  EXPECT_EQ(reader["refused_total{reason=\"memory\"}"], 1);
  EXPECT_EQ(reader["cancelled_jobs_total"], 2);
  EXPECT_EQ(reader["connections_held"], 4);
  EXPECT_EQ(reader["connections_waiting"], 5);
  EXPECT_EQ(reader["connections_held_total"], 9);
  EXPECT_EQ(reader["imgring_requests_with_ignored_options_total"], 4);
  EXPECT_EQ(reader["imgring_info_requests_total"], 3);
  EXPECT_EQ(reader["memory_tick_duration_seconds_bucket{le=\"0.0001\"}"], 2);
  EXPECT_EQ(reader["vips_memory_bytes"], 1000);
  EXPECT_EQ(reader["vips_max_memory_bytes"], 2000);
  EXPECT_EQ(reader["vips_allocs"], 3);
}

TEST_F(Metrics, PoolsAreSummedAndTheLargestLearnedSizeShows) {
  {
    const Reader reader(text());
    EXPECT_FALSE(reader.has("buffer_default_size_bytes{type=\"download\"}")) << "nothing learned";
    EXPECT_EQ(reader["buffer_size_bytes_count{type=\"gzip\"}"], 0);
  }
  for (int i = 0; i < 4; ++i) pass(0, 1000);     // loop 0, calibrates
  for (int i = 0; i < 4; ++i) pass(2, 100'000);  // loop 1, calibrates
  pass(2, 1'000'000);                            // grows the idle one, too large to keep
  pass(2, 100'000);
  const Result<mem::Lease> out = pools_[3]->get(5000);
  ASSERT_TRUE(out.has_value());
  const Reader reader(text());
  EXPECT_EQ(reader["buffer_default_size_bytes{type=\"download\"}"], 131072);
  EXPECT_EQ(reader["buffer_max_size_bytes{type=\"download\"}"], 131072);
  EXPECT_FALSE(reader.has("buffer_max_size_bytes{type=\"gzip\"}"));
  EXPECT_EQ(reader["buffer_size_bytes_count{type=\"download\"}"], 9);
  EXPECT_EQ(reader["buffer_size_bytes_sum{type=\"download\"}"], 4 * 1024 + 5 * 131072);
  EXPECT_EQ(reader["buffer_size_bytes_bucket{type=\"download\",le=\"1024\"}"], 4);
  EXPECT_EQ(reader["buffer_size_bytes_bucket{type=\"download\",le=\"8388608\"}"], 9);
  EXPECT_EQ(reader["buffer_pool_idle_bytes{type=\"download\",loop=\"1\"}"], 131072);
  EXPECT_EQ(reader["buffer_pool_in_use_bytes{type=\"gzip\",loop=\"1\"}"], 8192);
  EXPECT_EQ(reader["buffer_pool_dropped_total{type=\"download\",reason=\"too_big\"}"], 1);
  EXPECT_EQ(reader["buffer_pool_misses_total{type=\"download\"}"], 3);
  EXPECT_EQ(reader["buffer_foreign_free_total"], 0);
}

TEST_F(Metrics, MemoryAndItsBudgets) {
  auto plans = ledger_.part(mem::Part::kPlans).try_grant(9);
  auto downloads = ledger_.part(mem::Part::kDownloads).try_grant(8);
  auto results = ledger_.results().try_grant(5);
  plans->shrink_to(7);
  const std::string page = text();
  const auto sizes = "memory_part_bytes_max{part=\"connections\"} " +
                     std::to_string(ledger_.part(mem::Part::kConnections).max());
  EXPECT_NE(page.find("\n" + sizes + "\n"), std::string::npos) << page;
  for (std::string_view line :
       {"memory_rss_bytes 90", "memory_rss_anon_bytes 50", "memory_limit_bytes 1000",
        "allocator_committed_bytes 60", "allocator_in_use_bytes 40", "planned_bytes 7",
        "download_bytes 8", "memory_part_bytes{part=\"plans\"} 7",
        "memory_part_bytes{part=\"heads\"} 0", "memory_part_peak_bytes{part=\"plans\"} 9",
        "memory_result_bytes 5", "memory_waiting 0", "memory_tick_wait_seconds_count 0"}) {
    EXPECT_NE(page.find("\n" + std::string(line) + "\n"), std::string::npos) << line;
  }
}

// Ours have one prefix; until 0.3 each is there once more without it, and says so.
TEST_F(Metrics, OwnNamesHaveOnePrefixAndOlderOnesSayThatTheyGo) {
  MetricsView all = view();
  all.build = {.version = "1.2.3", .libvips = "libvips 8.14.1", .allocator = "mimalloc"};
  all.reload = {.good = 3, .failed = 1, .good_unix_s = 1700000000, .last_failed = true};
  const std::string page = prometheus_text(all);
  const Reader reader(page);
  for (const auto& [name, type] : reader.types()) {
    if (!name.starts_with("imgring_")) continue;
    const std::string older = name.substr(8);
    const bool since = older == "build_info" || older.find("reload") != std::string::npos ||
                       older.find("ignored_options") != std::string::npos ||
                       older == "info_requests_total" || older == "sandbox_given_up" ||
                       older.starts_with("picture_children");
    EXPECT_EQ(reader.types().contains(older), !since) << name;
    if (since) continue;
    EXPECT_EQ(reader.types().at(older), type) << name;
    const std::size_t help = page.find("# HELP " + older + " ");
    EXPECT_NE(page.substr(help, page.find('\n', help) - help).find("gone with 0.3"),
              std::string::npos)
        << name;
  }
  EXPECT_EQ(reader["imgring_connections"], reader["connections"]);
  EXPECT_EQ(page.find("gone with 0.3", page.find("# HELP requests_total")),
            page.find("gone with 0.3"));
  for (std::string_view line :
       {"imgring_build_info{version=\"1.2.3\",libvips=\"libvips 8.14.1\",allocator=\"mimalloc\"} 1",
        "imgring_reloads_total{result=\"good\"} 3", "imgring_reloads_total{result=\"failed\"} 1",
        "imgring_last_reload_failed 1", "imgring_last_reload_good_timestamp_seconds 1700000000"}) {
    EXPECT_NE(page.find("\n" + std::string(line) + "\n"), std::string::npos) << line;
  }
}

TEST_F(Metrics, NoCoresAndNoPoolsIsStillAPage) {
  const std::string page = prometheus_text({.name_space = "",
                                            .cores = {},
                                            .pools = {},
                                            .workers = 0,
                                            .engine = {},
                                            .lanes = {},
                                            .vips = {},
                                            .svg = {},
                                            .memory = {},
                                            .process = {}});
  const Reader reader(page);
  EXPECT_EQ(reader["workers_utilization"], 0);
}

}  // namespace
}  // namespace imgring::observe
