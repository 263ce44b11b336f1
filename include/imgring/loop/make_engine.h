// The one maker of engines, and the choice between them (decision 32). Any thread; an engine is its
// loop's from then on.
#pragma once

#include <memory>
#include <string>

#include "imgring/base/engine_kind.h"
#include "imgring/base/error.h"
#include "imgring/loop/engine.h"

namespace imgring::loop {

struct EngineOptions {
  EngineKind kind = EngineKind::kAuto;  // io_uring, or epoll where that is refused
  unsigned submission_entries = 1024;   // hardening.md 7
  unsigned completion_entries = 8192;
};
// The error is one line that names the cause tested and what to change.
Result<std::unique_ptr<Engine>> make_engine(const EngineOptions& options = {});

// What a process settles on at its start, for all of its loops.
struct EngineChoice {
  EngineKind kind = EngineKind::kIoUring;  // never kAuto
  std::string refused;  // why it is not io_uring where that was not asked for; else empty
};
Result<EngineChoice> choose_engine(EngineKind wanted);

}  // namespace imgring::loop
