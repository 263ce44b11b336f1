// A body on its way into a pooled buffer: room made as bytes arrive, within the size limit and the
// downloads' part of the ledger. One coroutine's; loop thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "imgring/base/error.h"
#include "imgring/loop/budget_queue.h"
#include "imgring/mem/buffer_pool.h"
#include "imgring/mem/ledger.h"
#include "imgring/source/source.h"

namespace imgring::source {

// What bodies are made of.
struct BodyParts {
  loop::Loop& loop;
  mem::BufferPool& pool;
  loop::BudgetQueue& budget;
  loop::BudgetQueue& large;  // the turn of bodies above mem::large_download_bytes()
};

// Of a body whose beginning may be enough, what is made room for at first, and read at once of a
// file: the metadata of most pictures, pixels not far behind.
inline constexpr std::size_t kHeadPieceBytes = std::size_t{64} << 10;

// What a body is to be started with: all that is announced, or what its beginning may take.
std::int64_t first_bytes(const SourceRequest& request, std::int64_t announced_bytes) noexcept;

// What the kernel may hold of a body of so many bytes (-1: unknown): its window, which is half of
// the buffer at least, and 4 MiB or an eighth of what downloads have free at most.
std::uint64_t unread_bytes(std::int64_t announced_bytes, const mem::Budget& downloads) noexcept;

class Body {
 public:
  // limit_bytes: the body may be this long, and three quarters of the budget at most; 0: as that or
  // mem::kDownloadBytesMax; negative: no byte. `connection`: what its connection holds of the
  // budget, given back when the body is whole.
  Body(const BodyParts& parts, std::int64_t limit_bytes, mem::Grant connection = {}) noexcept;

  std::uint64_t limit_bytes() const noexcept { return limit_; }
  // kSourceTooLarge when an announced length (-1: unknown) is above the limit.
  Result<void> accept_length(std::int64_t announced_bytes) const;
  // The first buffer. Announced: from the network, not trusted with memory.
  loop::Task<Result<void>> start(loop::Scope& scope, std::int64_t announced_bytes);
  // At least a byte of room; with `vouched_bytes`, for that many in all. kSourceTooLarge when the
  // limit has no place for one more byte than fits; kOverloaded without budget for 1 s.
  loop::Task<Result<std::span<std::uint8_t>>> room(loop::Scope& scope,
                                                   std::size_t vouched_bytes = 0);
  // More than the `paid_bytes` that the connection has for what the kernel holds of a body of
  // `announced_bytes` (-1: unknown), where there is room now: so much in all. 0: nothing more.
  std::size_t take_unread(std::int64_t announced_bytes, std::size_t paid_bytes) noexcept;
  // n bytes of room were filled.
  Result<void> filled(std::size_t n);
  std::size_t size() const noexcept { return lease_.size(); }
  ByteSpan bytes() const noexcept { return lease_ ? lease_.bytes() : ByteSpan(); }
  // What stopped it, told whether the content was known by then.
  Error stopped_by(Error error) const noexcept;
  // Moves it out. The answer's headers are paid for as long as the body.
  void finish(SourceAnswer& answer) noexcept;
  ~Body();
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

 private:
  loop::Task<Result<void>> acquire(loop::Scope& scope, std::size_t total_bytes);
  std::uint64_t most_bytes() const noexcept;   // that one download may have
  std::uint64_t large_bytes() const noexcept;  // from here on it takes a turn
  std::string limit_text() const;
  // Of the grant, what is the body's.
  std::uint64_t granted() const noexcept { return grant_.bytes.bytes() - connection_bytes_; }
  bool may_be_large(std::size_t total_bytes) const noexcept;
  std::size_t small_step(std::size_t needed, std::size_t doubled) const noexcept;
  BodyParts parts_;
  std::uint64_t limit_;
  std::size_t expected_ = 0;  // announced; 0: unknown
  std::size_t ahead_ = 0;     // of the grant, what was taken before it arrived
  mem::Lease lease_;
  std::uint64_t connection_bytes_;
  BodyGrant grant_;
};

}  // namespace imgring::source
