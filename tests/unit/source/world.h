// A loop with Sources on it, and requests run against them one after another. Checks after each run
// that nothing is left: operations, leases, budget.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "../loop/run_loop.h"
#include "faulty_disk.h"
#include "imgring/source/sources.h"

namespace imgring::test {

struct Step {
  source::SourceRequest request;
  bool raw = false;
  std::chrono::milliseconds client_leaves_after{0};  // 0: stays
  std::chrono::milliseconds deadline_after{0};       // of the outer scope; 0: none
  std::chrono::milliseconds pause_before{0};
};

struct Outcome {
  int status = 0;
  http::Headers headers;
  std::string body;
  std::int64_t content_length = -2;
  Error error{ErrorCode::kInternal, "none"};
  bool ok = false;
  bool cut = false;
  int shown_status() const { return ok ? status : error.status(); }
  std::chrono::milliseconds took{0};
};

inline Step get(std::string url) {
  Step step;
  step.request.url = std::move(url);
  return step;
}
inline Step raw(std::string url) {
  Step step = get(std::move(url));
  step.raw = true;
  return step;
}
inline Step with(Step step, std::string name, std::string value) {
  step.request.headers.add(std::move(name), std::move(value));
  return step;
}

// Read once for all tests of a program.
inline std::shared_ptr<const net::TrustStore> system_trust() {
  static const auto store = net::TrustStore::load();
  return store ? *store : nullptr;
}

class World {
 public:
  World() { config.source.allow_loopback = true; }

  config::Config config;
  std::function<bool(std::string_view)> allowed;
  std::uint64_t budget_bytes = 64 << 20;
  std::string name_servers;
  std::shared_ptr<const net::TrustStore> trust = system_trust();
  bool together = false;  // all steps at once
  // Time passes while a script waits, and by pause_before; `took` is exact then.
  test::ManualClock* clock = nullptr;
  FaultPlan* faults = nullptr;  // of its disk
  source::SourcesStats stats;

  std::vector<Outcome> run(std::vector<Step> steps) {
    outcomes_.assign(steps.size(), {});
    loop::Loop loop(engine(), clock != nullptr ? *clock : system_time());
    std::optional<ManualClock::Busy> servers;
    if (clock != nullptr) servers.emplace(*clock);
    mem::BufferPool pool(mem::PoolOptions{});
    // A limit whose part for downloads is as large: a quarter of nine tenths less the rest.
    mem::Ledger ledger((budget_bytes * 4 + mem::kRestBytes) / 9 * 10);
    mem::Budget& budget = ledger.part(mem::Part::kDownloads);
    source::Sources sources({loop, config, pool, ledger, allowed, 1, name_servers, trust});
    loop.run(drive(this, &loop, &sources, &steps));
    EXPECT_EQ(loop.engine().in_flight(), 0u);
    EXPECT_EQ(pool.stats().in_use_count.value(), 0u);
    EXPECT_EQ(budget.current(), 0u);
    return std::move(outcomes_);
  }
  Outcome one(Step step) {
    std::vector<Step> steps;
    steps.push_back(std::move(step));
    return std::move(run(std::move(steps)).front());
  }

 private:
  std::unique_ptr<loop::Engine> engine() const {
    if (faults == nullptr) return loop::test_engine();
    return std::make_unique<FaultyDisk>(loop::test_engine(), *faults);
  }
  static loop::Task<void> drive(World* self, loop::Loop* loop, source::Sources* sources,
                                std::vector<Step>* steps) {
    loop::Scope all;
    loop::Nursery nursery(*loop, &all);
    for (std::size_t i = 0; i < steps->size(); ++i) {
      nursery.start(step(self, loop, sources, &(*steps)[i], &self->outcomes_[i]));
      if (!self->together) co_await nursery.join();
    }
    co_await nursery.join();
    sources->tick();
    self->stats = sources->stats();
    co_await sources->close();
  }

  static loop::Task<void> step(World* self, loop::Loop* loop, source::Sources* sources, Step* what,
                               Outcome* out) {
    loop::Scope scope;
    if (self->clock != nullptr) {
      self->clock->advance(what->pause_before);
    } else if (what->pause_before.count() > 0) {
      co_await loop::Sleep(*loop, scope, what->pause_before);
    }
    const auto from = loop->now();
    std::optional<loop::Deadline> leave, late;
    if (what->client_leaves_after.count() > 0) {
      leave.emplace(*loop, scope, what->client_leaves_after, loop::CancelReason::kClientGone);
    }
    if (what->deadline_after.count() > 0) late.emplace(*loop, scope, what->deadline_after);
    if (what->raw) {
      co_await stream(scope, sources, what, out);
    } else {
      Result<source::SourceAnswer> answer = co_await sources->fetch(scope, what->request);
      if (answer) {
        out->ok = true;
        take_head(answer->head, out);
        out->body = as_text(answer->body.bytes());
        out->cut = answer->cut;
      } else {
        out->error = answer.error();
      }
    }
    out->took = std::chrono::duration_cast<std::chrono::milliseconds>(loop->now() - from);
    if (self->clock != nullptr) self->clock->wake_all();
  }

  static void take_head(const source::SourceHead& head, Outcome* out) {
    out->status = head.status;
    out->headers = head.headers;
    out->content_length = head.content_length;
  }

  static loop::Task<void> stream(loop::Scope& scope, source::Sources* sources, Step* what,
                                 Outcome* out) {
    Result<source::OpenedSource> opened = co_await sources->open(scope, what->request);
    if (!opened) {
      out->error = opened.error();
      co_return;
    }
    take_head(opened->head, out);
    out->ok = true;
    std::vector<std::uint8_t> piece(1000);
    while (opened->stream) {
      const Result<std::size_t> got = co_await opened->stream->read(scope, piece);
      if (!got) {
        out->ok = false;
        out->error = got.error();
      }
      if (!got || *got == 0) co_return;
      out->body.append(as_text(ByteSpan(piece).first(*got)));
    }
  }

  std::vector<Outcome> outcomes_;
};

}  // namespace imgring::test
