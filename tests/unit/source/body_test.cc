// Bodies against their limit and a download budget that others share.
#include "../../../src/source/body.h"

#include <string>

#include "../byte_units.h"
#include "../loop/run_loop.h"

namespace imgring::source {
namespace {

using loop::Loop;
using loop::Scope;
using loop::Task;

constexpr std::size_t kKiB = 1 << 10;

// A budget of its own, and the turn of large bodies.
struct Downloads {
  Downloads(Loop& loop, std::uint64_t bytes)
      : loop_(loop), budget(bytes), room(loop, budget), large(loop, turn), pool({}) {}
  BodyParts parts() noexcept { return {loop_, pool, room, large}; }
  Loop& loop_;
  mem::Budget budget, turn{1};
  loop::BudgetQueue room, large;
  mem::BufferPool pool;
};

Task<void> limits(Loop& loop, Scope&) {
  Downloads downloads(loop, 12 * kMiB);
  const BodyParts parts = downloads.parts();
  const Body unlimited(parts, 0), ordinary(parts, kMiB), large(parts, 64 * kMiB);
  EXPECT_EQ(unlimited.limit_bytes(), 9 * kMiB) << "a quarter is left to the others";
  EXPECT_EQ(ordinary.limit_bytes(), kMiB);
  EXPECT_EQ(large.limit_bytes(), 9 * kMiB) << "the budget is for all requests together";
  const auto over_own = ordinary.accept_length(2 * kMiB);
  const auto over_budget = large.accept_length(10 * kMiB);
  EXPECT_TRUE(large.accept_length(9 * kMiB).has_value());
  EXPECT_FALSE(over_own || over_budget);
  EXPECT_NE(over_own.error().detail.find("IMGPROXY_MAX_SRC_FILE_SIZE"), std::string::npos);
  EXPECT_NE(over_budget.error().detail.find("IMGRING_MEMORY_LIMIT"), std::string::npos);
  Downloads plenty(loop, 4096 * kMiB);
  const Body endless(plenty.parts(), 0), asked(plenty.parts(), 1024 * kMiB);
  EXPECT_EQ(endless.limit_bytes(), 512 * kMiB);
  EXPECT_EQ(asked.limit_bytes(), 1024 * kMiB) << "the operator asked for more";
  co_return;
}
TEST(Body, OneMayTakeThreeQuartersOfTheBudget) { loop::run_manual(limits); }

Task<Result<void>> fill(Body& body, Scope& scope, std::size_t bytes) {
  while (body.size() < bytes) {
    IMGRING_CO_TRY(const std::span<std::uint8_t> room, co_await body.room(scope));
    IMGRING_CO_TRY_VOID(body.filled(std::min(room.size(), bytes - body.size())));
  }
  co_return Result<void>();
}

// Two bodies above a quarter: the second waits for the first, small ones for neither.
Task<void> turns(Loop& loop, Scope& scope) {
  Downloads downloads(loop, 16 * kMiB);
  SourceAnswer held;
  {
    Body first(downloads.parts(), 0), small(downloads.parts(), 0), second(downloads.parts(), 0);
    const auto started = co_await first.start(scope, -1);
    const auto begun = co_await second.start(scope, -1);
    const auto opened = co_await small.start(scope, -1);
    EXPECT_TRUE(started && begun && opened);
    const auto large = co_await fill(first, scope, 6 * kMiB);
    EXPECT_TRUE(large.has_value());
    EXPECT_EQ(downloads.turn.current(), 1u);
    const auto quarter = co_await fill(small, scope, 4 * kMiB);
    EXPECT_TRUE(quarter.has_value()) << "a quarter needs no turn";
    const auto refused = co_await fill(second, scope, 5 * kMiB);
    EXPECT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::kOverloaded);
    first.finish(held);
  }
  EXPECT_EQ(downloads.turn.current(), 1u) << "held as long as the body";
  held = {};
  EXPECT_EQ(downloads.turn.current(), 0u);
  Body third(downloads.parts(), 0);
  const auto started = co_await third.start(scope, -1);
  EXPECT_TRUE(started.has_value());
  const auto large = co_await fill(third, scope, 5 * kMiB);
  EXPECT_TRUE(large.has_value());
}
TEST(Body, ThoseAboveAQuarterTakeTurns) { loop::run_manual(turns); }

// The connection's bytes are the budget's too, until the body is whole.
Task<void> connection(Loop& loop, Scope& scope) {
  Downloads downloads(loop, 16 * kMiB);
  auto grant = downloads.budget.try_grant(80 * kKiB);
  Body body(downloads.parts(), 0, std::move(*grant));
  const auto started = co_await body.start(scope, 100 * kKiB);
  EXPECT_TRUE(started.has_value());
  EXPECT_GE(downloads.budget.current(), 180 * kKiB);
  const auto whole = co_await fill(body, scope, 100 * kKiB);
  EXPECT_TRUE(whole.has_value());
  EXPECT_GE(downloads.budget.current(), 180 * kKiB);
  SourceAnswer answer;
  body.finish(answer);
  EXPECT_EQ(downloads.budget.current(), 100 * kKiB);
}
TEST(Body, ItsConnectionIsCountedWithIt) { loop::run_manual(connection); }

// Budget for a photo at once, memory as it arrives.
Task<void> ahead(Loop& loop, Scope& scope) {
  Downloads downloads(loop, 16 * kMiB);
  Body photo(downloads.parts(), 0);
  const auto started = co_await photo.start(scope, 3 * kMiB);
  EXPECT_TRUE(started.has_value());
  EXPECT_EQ(downloads.budget.current(), 3 * kMiB);
  EXPECT_EQ(downloads.pool.stats().in_use_bytes.value(), kMiB) << "a header's word takes none";
  for (std::size_t size = 0; size < 3 * kMiB;) {
    const auto room = co_await photo.room(scope);
    EXPECT_TRUE(room.has_value());
    const std::size_t piece = std::min(room->size(), 3 * kMiB - size);
    EXPECT_TRUE(photo.filled(piece).has_value());
    size += piece;
  }
  SourceAnswer answer;
  photo.finish(answer);
  EXPECT_EQ(answer.body.size(), 3 * kMiB);
  EXPECT_EQ(answer.grant.bytes.bytes(), 3 * kMiB);
}
TEST(Body, AnAnnouncedPhotoTakesItsBudgetAtOnce) { loop::run_manual(ahead); }

// Where a doubling does not fit, less does.
Task<void> small_steps(Loop& loop, Scope& scope) {
  Downloads downloads(loop, 4 * kMiB);
  Body body(downloads.parts(), 0);
  const auto started = co_await body.start(scope, -1);
  EXPECT_TRUE(started.has_value());
  while (body.size() < 512 * kKiB) {
    const auto room = co_await body.room(scope);
    EXPECT_TRUE(room.has_value());
    EXPECT_TRUE(body.filled(room->size()).has_value());
  }
  auto others = downloads.budget.try_grant(4 * kMiB - downloads.budget.current() - 100 * kKiB);
  EXPECT_TRUE(others.has_value());
  const auto step = co_await body.room(scope);
  EXPECT_TRUE(step.has_value());
  EXPECT_EQ(step->size(), 64 * kKiB);
  EXPECT_TRUE(body.filled(step->size()).has_value());
  const auto before = loop.now();
  const auto none = co_await body.room(scope);
  EXPECT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, ErrorCode::kOverloaded);
  EXPECT_GE(loop.now() - before, std::chrono::milliseconds(990));
}
TEST(Body, TakesSmallStepsWhereADoublingDoesNotFit) { loop::run_manual(small_steps); }

}  // namespace
}  // namespace imgring::source
