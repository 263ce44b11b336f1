// Child processes that draw SVGs, since nobody can vouch for what an SVG makes of a rasteriser
// (hardening.md section 5). A child is this program started again, which shuts itself in: no files,
// no network, a gigabyte of addresses, seconds of CPU. It gets the source and gives pixels in
// memory files whose sizes the server set.
// Owns: the children, their sockets and their deaths. Any helper thread; one drawing has one child
// to itself, so there are as many children as helpers at most. They start at the first SVG.
// Promises: no drawing outlives its stop flag or `time_max`; a child that lies, dies or is late is
// killed, reaped and counted; a child may map what it had when it was ready and what its job was
// granted; children without work are in the ledger and end at a tick; nothing is left at the end.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "imgring/base/log.h"
#include "imgring/image/stop.h"
#include "imgring/image/svg_drawing.h"
#include "imgring/loop/io.h"
#include "imgring/mem/ledger.h"

namespace imgring::image {

// Jobs after which a child is replaced: whatever they leave behind in it goes.
inline constexpr int kSvgJobsMax = 1000;
// Sources from here on are drawn one after the other: the rasteriser takes a hundred times their
// size.
inline constexpr std::size_t kSvgLargeBytes = std::size_t{1} << 20;
// A child that said after any answer that it held more is ended after its job, so that memory comes
// back at once.
inline constexpr std::uint64_t kSvgKeptBytes = std::uint64_t{128} << 20;
// A child gives back what its job took. One that has so much more for itself alone than it had when
// it was ready, kSvgSettleTime after its job, is ended: 0.1 to 0.8 MB stay after most drawings.
inline constexpr std::uint64_t kSvgGrownBytes = mem::kIdleChildBytes;
inline constexpr std::chrono::milliseconds kSvgSettleTime{20};
// Pixels of one drawing; 134 million of them.
inline constexpr std::size_t kSvgPixelBytesMax = std::size_t{512} << 20;

struct SvgProcess {
  pid_t pid = -1;
  loop::Fd socket;
};

struct SvgChildrenOptions {
  unsigned children_max = 1;          // helper threads
  std::chrono::seconds time_max{11};  // of one drawing; the same in seconds of CPU
  std::chrono::milliseconds start_max{10000};
  std::chrono::milliseconds idle_max{5000};  // at a tick, longer without work: it ends
  int jobs_max = kSvgJobsMax;
  std::function<Result<SvgProcess>()> start;  // empty: this program (tests bring their own)
  // Holds what each child without work has for itself alone, kIdleChildBytes at least, in half of
  // it; null: nothing is asked.
  mem::Budget* idle_budget = nullptr;
  const Logger* log = nullptr;  // null: nobody is told of children that don't start
};

struct SvgChildrenNumbers {
  std::uint64_t started = 0;
  std::uint64_t died = 0;     // by themselves, or for an answer that was none
  std::uint64_t stopped = 0;  // by us, at a deadline or because the client left
  std::uint64_t alive = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t anon_bytes = 0;  // of these, what is no file's: the libraries' pages are shared
};

// This program as "imgring svg-worker", with an empty environment but for fonts and languages.
Result<SvgProcess> start_svg_process(const char* program = "/proc/self/exe");

class SvgChildren {
 public:
  explicit SvgChildren(SvgChildrenOptions options);
  ~SvgChildren();  // no drawing may be left
  SvgChildren(const SvgChildren&) = delete;
  SvgChildren& operator=(const SvgChildren&) = delete;

  // A drawing in a child; `source` and `stop` must outlive it. Waits for the child to start.
  Result<std::unique_ptr<SvgDrawing>> open(ByteSpan source, const SvgParams& params,
                                           const StopFlag& stop);
  // The memory tick: children that had no work for a while end. Takes milliseconds: helpers only.
  void end_idle();
  bool any() const;  // a child lives
  SvgChildrenNumbers numbers() const;

 private:
  friend class ChildDrawing;
  struct Child;
  using ChildPtr = std::unique_ptr<Child>;
  Result<ChildPtr> take(const StopFlag& stop);
  Result<ChildPtr> start_child(const StopFlag& stop);
  ChildPtr take_idle();
  Result<void> enter_large(const StopFlag& stop);
  void leave_large();
  void give_back(ChildPtr child);
  bool may_stay(Child& child);
  bool grant_idle(Child& child, std::uint64_t bytes);
  enum class Why : std::uint8_t { kRetired, kStopped, kDied };
  // Killed if it still runs, and reaped: its wait status.
  int bury(ChildPtr child, Why why);

  SvgChildrenOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable large_left_;
  bool large_drawn_ = false;
  bool told_ = false;  // the log knows that no child starts
  std::vector<ChildPtr> idle_;
  std::vector<pid_t> alive_;
  SvgChildrenNumbers counts_;
};

}  // namespace imgring::image
