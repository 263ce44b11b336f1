// Waiting for memory.
#include "memory_gate.h"

#include <algorithm>

namespace imgring::server {

namespace {
// Other cores give back without telling us: look again. Far below what a job takes.
constexpr std::chrono::milliseconds kLookAgain(5);
}  // namespace

std::optional<mem::Grant> MemoryGate::try_enter(std::uint64_t turn, std::uint64_t bytes) {
  if (waiting_.front() != turn) return std::nullopt;
  auto grant = budget_.try_grant(bytes);
  if (grant) waiting_.pop_front();
  return grant;
}

loop::Task<Result<mem::Grant>> MemoryGate::enter(loop::Scope& scope, std::uint64_t bytes) {
  bytes = std::min(bytes, budget_.max());
  const std::uint64_t turn = next_turn_++;
  waiting_.push_back(turn);
  for (;;) {
    auto grant = try_enter(turn, bytes);
    if (grant) co_return std::move(*grant);
    const bool slept = co_await loop::Sleep(loop_, scope, kLookAgain);
    if (slept) continue;
    std::erase(waiting_, turn);
    co_return fail(ErrorCode::kOverloaded,
                   "no memory for " + std::to_string(bytes >> 20) + " MiB of pixels in time");
  }
}

}  // namespace imgring::server
