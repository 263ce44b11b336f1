// The engines that loop::make_engine chooses from. Inside loop only.
#pragma once

#include <memory>

#include "imgring/loop/make_engine.h"

namespace imgring::loop {

// The error says what was tried, the kernel's answer, and what to change.
Result<std::unique_ptr<Engine>> make_uring_engine(const EngineOptions& options);
Result<std::unique_ptr<Engine>> make_epoll_engine();

}  // namespace imgring::loop
