// Waiting for memory.
#include "imgring/service/memory_gate.h"

#include <algorithm>

#include "imgring/image/decode_scratch.h"

namespace imgring::service {

namespace {
constexpr std::chrono::hours kScopesTime(1);  // the request's own deadline ends before

struct Waiter {  // counted while it lives
  explicit Waiter(Shared& s) : shared(s) { shared.memory_waiters.fetch_add(1); }
  ~Waiter() { shared.memory_waiters.fetch_sub(1); }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  Shared& shared;
};
}  // namespace

// What lies idle in the plans' part goes before anybody waits for it.
void MemoryGate::make_room() {
  image::DecodeScratch* scratch = shared_.scratch;
  if (scratch != nullptr && scratch->idle_bytes() > 0) scratch->release_all();
  if (gzip_ != nullptr) gzip_->drop_idle();
}

loop::Task<Result<MemoryGrant>> MemoryGate::enter(loop::Scope& scope, std::uint64_t bytes,
                                                  loop::Lane lane) {
  MemoryGrant got;
  const std::uint64_t all = std::min(bytes, planned_.budget().max());
  const std::uint64_t quick_part = planned_.budget().max() - patient_.budget().max();
  std::uint64_t part = std::min(all, patient_.budget().max());
  if (lane == loop::Lane::kQuick) part = all > quick_part ? all - quick_part : 0;
  bool granted = co_await patient_.enter(scope, got.patient, part, kScopesTime);
  if (granted && planned_.try_enter(got.planned, all)) co_return got;
  if (granted) {
    const Waiter waiter(shared_);
    make_room();
    granted = co_await planned_.enter(scope, got.planned, all, kScopesTime);
  }
  if (granted) co_return got;
  co_return fail(ErrorCode::kOverloaded,
                 "no memory for " + std::to_string(bytes >> 20) + " MiB of pixels in time");
}

}  // namespace imgring::service
