// Waiting for memory.
#include "memory_gate.h"

#include <algorithm>

namespace imgring::server {

namespace {
constexpr std::chrono::hours kScopesTime(1);  // the request's own deadline ends before
}  // namespace

loop::Task<Result<mem::Grant>> MemoryGate::enter(loop::Scope& scope, std::uint64_t bytes) {
  bytes = std::min(bytes, planned_.budget().max());
  mem::Grant got;
  const bool granted = co_await planned_.enter(scope, got, bytes, kScopesTime);
  if (granted) co_return got;
  co_return fail(ErrorCode::kOverloaded,
                 "no memory for " + std::to_string(bytes >> 20) + " MiB of pixels in time");
}

}  // namespace imgring::server
