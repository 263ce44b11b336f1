// Tests of src/service/timeline.cc: what is marked, and what the histograms get of it.
#include "imgring/service/timeline.h"

#include <gtest/gtest.h>

#include <memory>

#include "../loop/run_loop.h"

namespace imgring::service {
namespace {

using namespace std::chrono_literals;

Timeline::Time at(std::chrono::milliseconds time) { return Timeline::Time(time); }

std::uint64_t count_of(const observe::DurationHistogram& histogram) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < histogram.kCount; ++i) sum += histogram.bucket(i);
  return sum;
}

TEST(Timeline, StartAndDueBelongTogether) {
  const Timeline time(at(5ms), 10s);
  EXPECT_EQ(time.start(), at(5ms));
  EXPECT_EQ(time.due(), at(10'005ms));
  EXPECT_TRUE(time.marks().empty());
}

TEST(Timeline, FeedsTheHistogramsThatPhasesHave) {
  Timeline time(at(0ms), 10s);
  time.add({.phase = Phase::kDownloading, .begin = at(1ms), .end = at(4ms)});
  time.add({.phase = Phase::kMemory, .begin = at(4ms), .end = at(5ms)});
  time.add({.phase = Phase::kQueue, .begin = at(5ms), .end = at(25ms)});
  // A line of the cache of its own: the stack of a sanitizer does not begin at one.
  const auto metrics = std::make_unique<observe::CoreMetrics>();
  count_phases(time, *metrics);
  EXPECT_EQ(metrics->span(observe::Span::kDownloading).sum_ns(), 3'000'000u);
  EXPECT_EQ(metrics->span(observe::Span::kQueue).sum_ns(), 20'000'000u);
  EXPECT_EQ(count_of(metrics->span(observe::Span::kProcessing)), 0u);
  EXPECT_EQ(count_of(metrics->span(observe::Span::kStreaming)), 0u);
}

TEST(Timeline, MarksHaveABound) {
  Timeline time(at(0ms), 10s);
  for (std::size_t i = 0; i < 2 * Timeline::kMarksMax; ++i) {
    time.add({.phase = Phase::kDownloading, .begin = at(0ms), .end = at(1ms)});
  }
  EXPECT_EQ(time.marks().size(), Timeline::kMarksMax);
}

loop::Task<void> runs(loop::Loop& loop, loop::Scope& scope) {
  Timeline time(loop.now(), 10s);
  {
    const RunningPhase phase(time, Phase::kStreaming, loop);
    EXPECT_TRUE(time.marks().empty());
    co_await loop::Sleep(loop, scope, 5ms);
  }
  EXPECT_EQ(time.marks().size(), 1u);
  EXPECT_EQ(time.marks()[0].phase, Phase::kStreaming);
  EXPECT_GE(time.marks()[0].took(), 4ms);
}
TEST(Timeline, APhaseEndsWithItsBlock) { loop::run_loop(runs); }

}  // namespace
}  // namespace imgring::service
