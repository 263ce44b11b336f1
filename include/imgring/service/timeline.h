// A request's time: when it began, when it is over, and its phases with begin and end.
// Owns the marks. Written by the stages of its request, read at its end by what counts and by what
// tells (histograms, log). A value of one request; loop thread only.
// Promises: marks in the order in which their phases ended, kMarksMax at most; what comes beyond is
// left out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "imgring/loop/loop.h"
#include "imgring/observe/metrics.h"

namespace imgring::service {

enum class Phase : std::uint8_t {
  kDownloading,
  kMemory,  // waits for the bytes that its job will hold
  kQueue,   // waits for a helper
  kProcessing,
  kCompressing,
  kStreaming,
};

struct PhaseFacts {
  Phase phase;
  std::string_view name;
  std::optional<observe::Span> span;  // the histogram that it feeds
};
inline constexpr std::array kPhases = {
    PhaseFacts{Phase::kDownloading, "downloading", observe::Span::kDownloading},
    PhaseFacts{Phase::kMemory, "memory", std::nullopt},
    PhaseFacts{Phase::kQueue, "queue", observe::Span::kQueue},
    PhaseFacts{Phase::kProcessing, "processing", observe::Span::kProcessing},
    PhaseFacts{Phase::kCompressing, "compressing", std::nullopt},
    PhaseFacts{Phase::kStreaming, "streaming", observe::Span::kStreaming},
};
constexpr const PhaseFacts& facts_of(Phase phase) noexcept {
  return kPhases[static_cast<std::size_t>(phase)];
}
static_assert([] {
  std::size_t at = 0;
  for (const PhaseFacts& row : kPhases) {
    if (row.phase != static_cast<Phase>(at++)) return false;
  }
  return at == static_cast<std::size_t>(Phase::kStreaming) + 1;
}());

class Timeline {
 public:
  using Time = loop::Clock::time_point;
  struct Mark {
    Phase phase{};
    Time begin{}, end{};
    loop::Clock::duration took() const noexcept { return end - begin; }
  };
  // Each phase once, and what tries again.
  static constexpr std::size_t kMarksMax = 8;

  Timeline() noexcept = default;
  Timeline(Time start, loop::Clock::duration time_max) noexcept
      : start_(start), due_(start + time_max) {}
  Time start() const noexcept { return start_; }
  Time due() const noexcept { return due_; }
  void add(Mark mark) noexcept {
    if (count_ < kMarksMax) marks_[count_++] = mark;
  }
  std::span<const Mark> marks() const noexcept { return std::span(marks_).first(count_); }

 private:
  Time start_{}, due_{};
  std::size_t count_ = 0;
  std::array<Mark, kMarksMax> marks_{};
};

// A phase that is going on: from its making to its end, or to what cuts it off.
class RunningPhase {
 public:
  RunningPhase(Timeline& timeline, Phase phase, const loop::Loop& loop) noexcept
      : timeline_(timeline), loop_(loop), phase_(phase), begin_(loop.now()) {}
  ~RunningPhase() { timeline_.add({.phase = phase_, .begin = begin_, .end = loop_.now()}); }
  RunningPhase(const RunningPhase&) = delete;
  RunningPhase& operator=(const RunningPhase&) = delete;

 private:
  Timeline& timeline_;
  const loop::Loop& loop_;
  Phase phase_;
  Timeline::Time begin_;
};

// What the phases of a request that is over add to the histograms.
void count_phases(const Timeline& timeline, observe::CoreMetrics& metrics);

}  // namespace imgring::service
