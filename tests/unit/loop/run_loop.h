// Runs one coroutine on a fresh loop with a real engine, and checks that nothing is left in flight.
#pragma once

#include <gtest/gtest.h>

#include "imgring/loop/io.h"
#include "imgring/loop/loop.h"

namespace imgring::loop {

inline std::unique_ptr<Engine> test_engine(const EngineOptions& options = {}) {
  auto engine = make_uring_engine(options);
  if (!engine) {
    ADD_FAILURE() << engine.error().detail;
    std::abort();
  }
  return std::move(*engine);
}

template <class F>
Task<void> run_body(Loop& loop, Scope& scope, F& body) {
  co_await body(loop, scope);
}

// body: Task<void>(Loop&, Scope&), a function or a captureless lambda.
template <class F>
void run_loop(F body, const EngineOptions& options = {}) {
  Loop loop(test_engine(options));
  {
    Scope scope;
    loop.run(run_body(loop, scope, body));
  }
  EXPECT_EQ(loop.engine().in_flight(), 0u);
}

}  // namespace imgring::loop
