// What engines share, and the choice between them.
#include "imgring/loop/engine.h"

#include <utility>

#include "engines.h"

namespace imgring::loop {

void Engine::submit(const OpRequest& request, Operation* operation) noexcept {
  IMGRING_CHECK(!operation->in_flight_);
  operation->in_flight_ = true;
  ++in_flight_;
  start(request, operation);
}

void Engine::deliver(Operation* operation, const Completion& completion) noexcept {
  IMGRING_CHECK(operation->in_flight_);
  ++delivered_;
  if (!completion.more) {
    operation->in_flight_ = false;
    --in_flight_;
  }
  operation->complete(completion);
}

Result<std::unique_ptr<Engine>> make_engine(const EngineOptions& options) {
  if (options.kind == EngineKind::kEpoll) return make_epoll_engine();
  auto ring = make_uring_engine(options);
  if (ring || options.kind == EngineKind::kIoUring) return ring;
  return make_epoll_engine();
}

Result<EngineChoice> choose_engine(EngineKind wanted) {
  EngineChoice choice;
  if (wanted != EngineKind::kEpoll) {
    const auto ring = make_uring_engine({});
    if (ring) return choice;
    if (wanted == EngineKind::kIoUring) return std::unexpected(ring.error());
    choice.refused = ring.error().detail;
  }
  choice.kind = EngineKind::kEpoll;
  const auto tried = make_epoll_engine();
  if (tried) return choice;
  Error both = tried.error();
  if (!choice.refused.empty()) both.detail += "; " + choice.refused;
  return std::unexpected(std::move(both));
}

}  // namespace imgring::loop
