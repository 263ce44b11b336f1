// The one maker of engines. Any thread; an engine is its loop's from then on.
#pragma once

#include <memory>

#include "imgring/base/error.h"
#include "imgring/loop/engine.h"

namespace imgring::loop {

struct EngineOptions {
  unsigned submission_entries = 1024;  // hardening.md 7
  unsigned completion_entries = 8192;
};
// The error is one line that names the cause tested and what to change.
Result<std::unique_ptr<Engine>> make_engine(const EngineOptions& options = {});

}  // namespace imgring::loop
