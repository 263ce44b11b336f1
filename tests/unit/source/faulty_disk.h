// An engine whose disk fails as it is told to: everything else goes on to the engine behind it.
// Owns that engine. The loop's thread only, as every engine.
#pragma once

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "imgring/loop/engine.h"

namespace imgring::test {

// Which opening or reading of a file ends otherwise, counted from 0, and how.
struct FaultPlan {
  int at = -1;
  int result = 0;          // as the system call's: -errno, or 0 for the end of the file
  int read_bytes_max = 0;  // above 0: every read gets so few
  int seen = 0;            // so far
  int met = 0;             // that ended otherwise
};

class FaultyDisk final : public loop::Engine {
 public:
  FaultyDisk(std::unique_ptr<loop::Engine> behind, FaultPlan& plan)
      : behind_(std::move(behind)), plan_(plan) {}
  ~FaultyDisk() override { IMGRING_CHECK(failed_.empty()); }

  std::string_view name() const noexcept override { return behind_->name(); }
  void cancel(loop::Operation* operation) noexcept override {
    if (auto* passed = static_cast<Passed*>(mark_of(operation))) behind_->cancel(passed);
  }
  void turn(loop::Clock::duration wait) noexcept override {
    behind_->turn(failed_.empty() ? wait : loop::Clock::duration::zero());
    for (const auto& [operation, result] : std::exchange(failed_, {})) {
      deliver(operation, {.result = result});
    }
  }

 private:
  // What the engine behind knows of an operation.
  struct Passed final : loop::Operation {
    Passed(FaultyDisk& to_engine, loop::Operation* to) : engine(to_engine), of(to) {}
    void complete(const loop::Completion& completion) noexcept override {
      engine.deliver(of, completion);
    }
    FaultyDisk& engine;
    loop::Operation* of;
  };

  void start(const loop::OpRequest& request, loop::Operation* operation) noexcept override {
    loop::OpRequest asked = request;
    const bool reads = request.kind == loop::OpKind::kRead && request.offset >= 0;
    if (reads || request.kind == loop::OpKind::kOpen) {
      if (plan_.seen++ == plan_.at) {
        ++plan_.met;
        mark_of(operation) = nullptr;
        failed_.emplace_back(operation, plan_.result);
        return;
      }
      if (reads && plan_.read_bytes_max > 0) {
        asked.size_bytes = std::min<std::size_t>(asked.size_bytes, plan_.read_bytes_max);
      }
    }
    std::erase_if(passed_, [](const auto& one) { return !one->in_flight(); });
    passed_.push_back(std::make_unique<Passed>(*this, operation));
    mark_of(operation) = passed_.back().get();
    behind_->submit(asked, passed_.back().get());
  }

  std::unique_ptr<loop::Engine> behind_;
  FaultPlan& plan_;
  std::vector<std::unique_ptr<Passed>> passed_;
  std::vector<std::pair<loop::Operation*, int>> failed_;
};

}  // namespace imgring::test
