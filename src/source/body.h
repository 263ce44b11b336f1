// A body on its way into a pooled buffer: room made as bytes arrive, within the size limit and the
// download budget. One coroutine's; loop thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "imgring/base/error.h"
#include "imgring/loop/budget_queue.h"
#include "imgring/mem/buffer_pool.h"
#include "imgring/mem/limits.h"
#include "imgring/source/source.h"

namespace imgring::source {

// What bodies are made of.
struct BodyParts {
  loop::Loop& loop;
  mem::BufferPool& pool;
  loop::BudgetQueue& budget;
};

class Body {
 public:
  // limit_bytes: the body may be this long, and as the whole budget at most; 0: as that; negative:
  // no byte.
  Body(const BodyParts& parts, std::int64_t limit_bytes) noexcept;

  std::uint64_t limit_bytes() const noexcept { return limit_; }
  // kSourceTooLarge when an announced length (-1: unknown) is above the limit.
  Result<void> accept_length(std::int64_t announced_bytes) const;
  // The first buffer. Announced: from the network, not trusted with memory.
  loop::Task<Result<void>> start(loop::Scope& scope, std::int64_t announced_bytes);
  // At least a byte of room; with `vouched_bytes`, for that many in all. kSourceTooLarge when the
  // limit has no place for one more byte than fits; kOverloaded without budget for 1 s.
  loop::Task<Result<std::span<std::uint8_t>>> room(loop::Scope& scope,
                                                   std::size_t vouched_bytes = 0);
  // n bytes of room were filled.
  Result<void> filled(std::size_t n);
  std::size_t size() const noexcept { return lease_.size(); }
  // What stopped it, told whether the content was known by then.
  Error stopped_by(Error error) const noexcept;
  // Moves it out.
  void finish(SourceAnswer& answer) noexcept;
  ~Body();
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

 private:
  loop::Task<Result<void>> acquire(loop::Scope& scope, std::size_t total_bytes);
  std::uint64_t most_bytes() const noexcept;  // the whole budget
  std::string limit_text() const;
  std::size_t small_step(std::size_t needed, std::size_t doubled) const noexcept;
  BodyParts parts_;
  std::uint64_t limit_;
  std::size_t expected_ = 0;  // announced; 0: unknown
  std::size_t ahead_ = 0;     // of the grant, what was taken before it arrived
  mem::Lease lease_;
  mem::Grant grant_;
};

}  // namespace imgring::source
