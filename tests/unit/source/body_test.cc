// Bodies against their limit and a download budget that others share.
#include "../../../src/source/body.h"

#include <string>

#include "../loop/run_loop.h"

namespace imgring::source {
namespace {

using loop::Loop;
using loop::Scope;
using loop::Task;

constexpr std::size_t kKiB = 1 << 10;
constexpr std::size_t kMiB = 1 << 20;

Task<void> limits(Loop& loop, Scope&) {
  mem::Budget budget(10 * kMiB);
  loop::BudgetQueue queue(loop, budget);
  mem::BufferPool pool({});
  const BodyParts parts{loop, pool, queue};
  const Body unlimited(parts, 0), ordinary(parts, kMiB), large(parts, 64 * kMiB);
  EXPECT_EQ(unlimited.limit_bytes(), 10 * kMiB);
  EXPECT_EQ(ordinary.limit_bytes(), kMiB);
  EXPECT_EQ(large.limit_bytes(), 10 * kMiB) << "the budget is for all requests together";
  const auto over_own = ordinary.accept_length(2 * kMiB);
  const auto over_budget = large.accept_length(11 * kMiB);
  EXPECT_TRUE(large.accept_length(10 * kMiB).has_value());
  EXPECT_FALSE(over_own || over_budget);
  EXPECT_NE(over_own.error().detail.find("IMGPROXY_MAX_SRC_FILE_SIZE"), std::string::npos);
  EXPECT_NE(over_budget.error().detail.find("download budget"), std::string::npos);
  co_return;
}
TEST(Body, TheBudgetIsALimitToo) { loop::run_loop(limits); }

// Budget for a photo at once, memory as it arrives.
Task<void> ahead(Loop& loop, Scope& scope) {
  mem::Budget budget(10 * kMiB);
  loop::BudgetQueue queue(loop, budget);
  mem::BufferPool pool({});
  Body photo(BodyParts{loop, pool, queue}, 0);
  const auto started = co_await photo.start(scope, 3 * kMiB);
  EXPECT_TRUE(started.has_value());
  EXPECT_EQ(budget.current(), 3 * kMiB);
  EXPECT_EQ(pool.stats().in_use_bytes.value(), kMiB) << "no memory on the word of a header";
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
  EXPECT_EQ(answer.grant.bytes(), 3 * kMiB);
}
TEST(Body, AnAnnouncedPhotoTakesItsBudgetAtOnce) { loop::run_loop(ahead); }

// Where a doubling does not fit, less does.
Task<void> small_steps(Loop& loop, Scope& scope) {
  mem::Budget budget(kMiB);
  loop::BudgetQueue queue(loop, budget);
  mem::BufferPool pool({});
  Body body(BodyParts{loop, pool, queue}, 0);
  const auto started = co_await body.start(scope, -1);
  EXPECT_TRUE(started.has_value());
  while (body.size() < 512 * kKiB) {
    const auto room = co_await body.room(scope);
    EXPECT_TRUE(room.has_value());
    EXPECT_TRUE(body.filled(room->size()).has_value());
  }
  auto others = budget.try_grant(kMiB - budget.current() - 100 * kKiB);
  EXPECT_TRUE(others.has_value());
  const auto step = co_await body.room(scope);
  EXPECT_TRUE(step.has_value());
  EXPECT_EQ(step->size(), 64 * kKiB);
  EXPECT_TRUE(body.filled(step->size()).has_value());
  const auto before = loop::Clock::now();
  const auto none = co_await body.room(scope);
  EXPECT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, ErrorCode::kOverloaded);
  EXPECT_GE(loop::Clock::now() - before, std::chrono::milliseconds(990));
}
TEST(Body, TakesSmallStepsWhereADoublingDoesNotFit) { loop::run_loop(small_steps); }

}  // namespace
}  // namespace imgring::source
