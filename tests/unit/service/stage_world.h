// What a stage needs around it: the services of one core, over a source that answers what the test
// says, and requests for it.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../loop/run_loop.h"
#include "imgring/service/check_request.h"
#include "imgring/service/request.h"
#include "imgring/service/services.h"

namespace imgring::service::testing {

// An answer, given at once; or an error.
class CannedSource final : public source::Source {
 public:
  explicit CannedSource(mem::BufferPool& pool) : pool_(pool) {}
  loop::Task<Result<source::SourceAnswer>> fetch(loop::Scope&,
                                                 const source::SourceRequest& request) override {
    asked.push_back(request);
    if (error) co_return std::unexpected(*error);
    source::SourceAnswer answer;
    answer.head = head;
    answer.body = lease_of(body);
    co_return answer;
  }
  loop::Task<Result<source::OpenedSource>> open(loop::Scope&,
                                                const source::SourceRequest& request) override {
    asked.push_back(request);
    if (error) co_return std::unexpected(*error);
    co_return source::OpenedSource{.head = head, .stream = nullptr};
  }
  mem::Lease lease_of(const std::string& text) {
    auto lease = pool_.get(text.size() + 1);
    IMGRING_CHECK(lease.has_value());
    std::memcpy(lease->room().data(), text.data(), text.size());
    lease->set_size(text.size());
    return std::move(*lease);
  }

  source::SourceHead head;
  std::string body;
  std::optional<Error> error;
  std::vector<source::SourceRequest> asked;

 private:
  mem::BufferPool& pool_;
};

inline constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

struct StageWorld {
  explicit StageWorld(loop::Loop& l, std::uint64_t memory_limit_bytes = kGiB)
      : loop(l), shared(log, helpers, memory_limit_bytes), source(downloads), jobs(l),
        gate(l, shared, &gzip), readers(l), watermarks(8, shared.ledger.cached_pictures()),
        fallbacks(8, shared.ledger.cached_pictures()),
        services{l,       shared,     source,    jobs,    gzip,   gate,
                 readers, watermarks, fallbacks, metrics, nullptr} {
    set_config({});
  }
  ~StageWorld() {
    EXPECT_EQ(shared.jobs.load(), 0);
    EXPECT_EQ(shared.plans().current(), 0u);
    EXPECT_EQ(shared.ledger.results().current(), 0u);
    EXPECT_EQ(jobs.count(), 0u);
  }

  void set_config(config::Config config) {
    auto next = std::make_shared<Snapshot>();
    std::vector<std::string> warnings;
    auto rules = url::UrlRules::build(config, &warnings);
    IMGRING_CHECK(rules.has_value());
    next->rules = std::move(*rules);
    next->abilities = format::Abilities::all();
    next->config = std::move(config);
    snapshot = std::move(next);
    services.snapshot = snapshot;
  }
  // Of a path behind its signature, checked.
  ImageRequest request(const std::string& path) {
    http.method = http::Method::kGet;
    http.method_name = "GET";
    http.target = "/unsafe" + path;
    ImageRequest out;
    out.request = &http;
    out.snapshot = snapshot;
    out.peer = &peer;
    out.id = "id-1";
    out.time = Timeline(loop.now(), std::chrono::seconds(snapshot->config.server.timeout_s));
    auto parsed = check_request(http, *snapshot, 0);
    EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().detail);
    if (parsed) out.parsed = std::move(*parsed);
    return out;
  }

  loop::Loop& loop;
  const Logger log{LogFormat::kStructured, LogLevel::kCritical};
  loop::HelperPool helpers{1, 16, {}};
  Shared shared;
  mem::BufferPool downloads{mem::PoolOptions{}}, gzip{mem::PoolOptions{}};
  CannedSource source;
  loop::JobRegistry jobs;
  MemoryGate gate;
  SlowReaders readers;
  FetchedCache watermarks, fallbacks;
  observe::CoreMetrics metrics;
  std::shared_ptr<Snapshot> snapshot;
  Services services;
  http::Request http;
  http::Peer peer{std::string("192.0.2.1")};
};

// What a stage said no with; nullopt: it said yes.
template <class T>
std::optional<ErrorCode> code_of(const Result<T>& result) {
  if (result) return std::nullopt;
  return result.error().code;
}

// The header of a PNG of such a size, which is all that anything before a helper reads.
inline std::string png_header(std::uint32_t width, std::uint32_t height) {
  const auto number = [](std::uint32_t v) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(v >> shift & 0xff);
    return out;
  };
  return "\x89PNG\r\n\x1a\n" + number(13) + "IHDR" + number(width) + number(height) +
         std::string("\x08\x02\x00\x00\x00", 5) + number(0) + number(0) + "IDAT";
}

}  // namespace imgring::service::testing
