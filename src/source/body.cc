// Growth of a body against limit and budget.
#include "body.h"

#include <algorithm>

namespace imgring::source {

using loop::Scope;
using loop::Task;

namespace {

constexpr auto kBudgetWait = std::chrono::seconds(1);  // hardening.md section 4
constexpr std::size_t kDoublingUpTo = 32 << 20;        // the pool's growth: twice, then by half
// An announced body takes this much budget at once, memory only as it arrives: photos that began
// together would otherwise hold a part each and wait for each other's.
constexpr std::size_t kBudgetAheadBytes = 4 << 20;  // one photo of 12 MP
// A body that finds no budget for its next doubling asks for less.
constexpr std::size_t kSmallStepBytes = 64 << 10;
constexpr std::size_t kSmallStepPart = 8;  // of what is there, so that copies stay few

}  // namespace

std::int64_t first_bytes(const SourceRequest& request, std::int64_t announced_bytes) noexcept {
  constexpr auto kPiece = static_cast<std::int64_t>(kHeadPieceBytes);
  return request.enough ? std::min(announced_bytes, kPiece) : announced_bytes;
}

std::uint64_t unread_bytes(std::int64_t announced_bytes, const mem::Budget& downloads) noexcept {
  const std::uint64_t used = std::min(downloads.current(), downloads.max());
  const std::uint64_t most = mem::window_bytes_max(downloads.max() - used);
  if (announced_bytes < 0) return most;
  const std::uint64_t announced = std::min(static_cast<std::uint64_t>(announced_bytes), most);
  return std::min(most, 2 * announced);
}

Body::Body(const BodyParts& parts, std::int64_t limit_bytes, mem::Grant connection) noexcept
    : parts_(parts),
      limit_(std::min(limit_bytes == 0
                          ? mem::kDownloadBytesMax
                          : static_cast<std::uint64_t>(std::max<std::int64_t>(limit_bytes, 0)),
                      most_bytes())),
      connection_bytes_(connection.bytes()) {
  grant_.bytes = std::move(connection);
}

std::uint64_t Body::most_bytes() const noexcept {
  return mem::one_download_bytes_max(parts_.budget.budget().max());
}

std::uint64_t Body::large_bytes() const noexcept {
  return mem::large_download_bytes(parts_.budget.budget().max());
}

bool Body::may_be_large(std::size_t total_bytes) const noexcept {
  return total_bytes <= large_bytes() || grant_.turn.bytes() > 0;
}

std::string Body::limit_text() const {
  const bool own = limit_ < most_bytes();
  return std::to_string(limit_) + " bytes (" +
         (own ? "IMGPROXY_MAX_SRC_FILE_SIZE"
              : "three quarters of the memory for downloads: raise the memory limit, or "
                "IMGRING_MEMORY_LIMIT") +
         ")";
}

Body::~Body() {
  // What a failed download had is no sample for the pool.
  if (lease_) lease_.set_size(0);
}

Result<void> Body::accept_length(std::int64_t announced_bytes) const {
  if (announced_bytes < 0 || static_cast<std::uint64_t>(announced_bytes) <= limit_) return {};
  return fail(ErrorCode::kSourceTooLarge, "the source announces " +
                                              std::to_string(announced_bytes) +
                                              " bytes, the limit is " + limit_text());
}

// Waits for budget with the socket unread: that is the back-pressure.
Task<Result<void>> Body::acquire(Scope& scope, std::size_t total_bytes) {
  if (total_bytes <= granted()) co_return Result<void>();
  bool got = true;
  if (!may_be_large(total_bytes)) {
    got = co_await parts_.large.enter(scope, grant_.turn, 1, kBudgetWait);
  }
  const std::uint64_t more = total_bytes - granted();
  if (got && !parts_.budget.try_enter(grant_.bytes, more)) {
    parts_.pool.drop_idle();  // of the same bytes
    got = co_await parts_.budget.enter(scope, grant_.bytes, more, kBudgetWait);
  }
  if (got) co_return Result<void>();
  // The download's own time, spent waiting for our memory, is no fault of the source.
  if (scope.cancelled() && scope.reason() != loop::CancelReason::kDeadline) {
    co_return fail(ErrorCode::kSourceCancelled, "cancelled while out of budget");
  }
  co_return fail(ErrorCode::kOverloaded,
                 "no download budget for " + std::to_string(total_bytes) + " bytes within 1 s");
}

Task<Result<void>> Body::start(Scope& scope, std::int64_t announced_bytes) {
  expected_ = static_cast<std::size_t>(std::max<std::int64_t>(announced_bytes, 0));
  IMGRING_CO_TRY(lease_, parts_.pool.get(expected_));
  // Of a class only what the body will touch. More than the whole budget counts as all of it.
  const std::size_t touched =
      expected_ > 0 ? std::min(expected_, std::max(lease_.capacity(), kBudgetAheadBytes))
                    : lease_.capacity();
  ahead_ = std::min(touched, static_cast<std::size_t>(most_bytes()));
  co_return co_await acquire(scope, ahead_);
}

std::size_t Body::take_unread(std::int64_t announced_bytes, std::size_t paid_bytes) noexcept {
  const std::uint64_t wanted = unread_bytes(announced_bytes, parts_.budget.budget());
  const bool more = wanted > paid_bytes && connection_bytes_ > 0;
  if (!more || !parts_.budget.try_enter(grant_.bytes, wanted - paid_bytes)) return 0;
  connection_bytes_ += wanted - paid_bytes;
  return static_cast<std::size_t>(wanted);
}

// The next capacity when the budget has no room for a doubling: all that was announced where that
// is less, else a small step.
std::size_t Body::small_step(std::size_t needed, std::size_t doubled) const noexcept {
  if (expected_ >= needed && expected_ <= doubled) return expected_;
  const std::size_t now = lease_.capacity();
  return std::min(doubled, std::max(needed, now + std::max(kSmallStepBytes, now / kSmallStepPart)));
}

Task<Result<std::span<std::uint8_t>>> Body::room(Scope& scope, std::size_t vouched_bytes) {
  const std::size_t needed = std::max(lease_.size() + 1, vouched_bytes);
  if (lease_.capacity() >= needed && lease_.size() < lease_.capacity()) co_return lease_.room();
  const std::size_t now = lease_.capacity();
  const std::size_t step = now < kDoublingUpTo ? now * 2 : now + now / 2;
  const std::size_t most = static_cast<std::size_t>(std::min(limit_ + 1, most_bytes()));
  std::size_t wanted = std::min(std::max(step, needed), most);
  // A doubling alone is no reason to wait for a turn.
  if (!may_be_large(wanted) && may_be_large(needed)) {
    wanted = static_cast<std::size_t>(large_bytes());
  }
  const bool room_now =
      wanted <= granted() ||
      (may_be_large(wanted) && parts_.budget.try_enter(grant_.bytes, wanted - granted()));
  if (!room_now) {
    wanted = small_step(needed, wanted);
    IMGRING_CO_TRY_VOID(co_await acquire(scope, wanted));
  }
  const std::size_t limit = room_now ? static_cast<std::size_t>(limit_) : wanted - 1;
  const mem::BufferPool::Growth growth{.needed_bytes = needed, .limit_bytes = limit};
  IMGRING_CO_TRY_VOID(parts_.pool.grow(lease_, growth));
  // An idle buffer may be larger than what was asked for; it is counted where there is room.
  if (lease_.capacity() > granted()) {
    static_cast<void>(grant_.bytes.add(lease_.capacity() - granted()));
  } else {
    grant_.bytes.shrink_to(connection_bytes_ + std::max(lease_.capacity(), ahead_));
  }
  co_return lease_.room();
}

Result<void> Body::filled(std::size_t n) {
  lease_.advance(n);
  if (lease_.size() <= limit_) return {};
  return fail(ErrorCode::kSourceTooLarge, "the source is larger than the limit of " + limit_text());
}

Error Body::stopped_by(Error error) const noexcept {
  // imgproxy detects the type from the first piece of its buffer, which must have come whole.
  constexpr std::size_t kDetectBytes = 4096;
  error.in_body = size() >= kDetectBytes;
  return error;
}

void Body::finish(SourceAnswer& answer) noexcept {
  // As names and values, each a string of its own.
  constexpr std::size_t kFieldBytes = 64;
  std::uint64_t kept = lease_.size();
  for (const auto& [name, value] : answer.head.headers.fields()) {
    kept += name.size() + value.size() + kFieldBytes;
  }
  grant_.bytes.shrink_to(kept);
  if (lease_.size() <= large_bytes()) grant_.turn.reset();
  answer.body = std::move(lease_);
  answer.grant = std::move(grant_);
}

}  // namespace imgring::source
