// Runs one coroutine on a fresh loop with a real engine, by the system's clock or by one that jumps
// over every wait, and checks that nothing is left in flight.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string_view>

#include "../base/manual_clock.h"
#include "imgring/loop/io.h"
#include "imgring/loop/loop.h"
#include "imgring/loop/make_engine.h"

namespace imgring::loop {

// Every program of loops runs twice: IMGRING_TEST_ENGINE=epoll (tests/meson.build).
inline std::unique_ptr<Engine> test_engine(EngineOptions options = {}) {
  const char* name = std::getenv("IMGRING_TEST_ENGINE");
  const bool epoll = name != nullptr && std::string_view(name) == "epoll";
  options.kind = epoll ? EngineKind::kEpoll : EngineKind::kIoUring;
  auto engine = make_engine(options);
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
void run_loop(F body, const EngineOptions& options = {}, TimeSource& time = system_time()) {
  Loop loop(test_engine(options), time);
  {
    Scope scope;
    loop.run(run_body(loop, scope, body));
  }
  EXPECT_EQ(loop.engine().in_flight(), 0u);
}

// The same where nothing but the kernel and the loop is at work: a wait takes no time, and as long
// as it says by Loop::now().
template <class F>
void run_manual(F body) {
  test::ManualClock clock;
  run_loop(body, {}, clock);
}
// body: Task<void>(Loop&, Scope&, ManualClock&).
template <class F>
void run_by_clock(F body) {
  test::ManualClock clock;
  run_loop([&](Loop& loop, Scope& scope) { return body(loop, scope, clock); }, {}, clock);
}

}  // namespace imgring::loop
