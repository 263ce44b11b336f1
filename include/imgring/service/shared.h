// What the stages of all cores share: helpers, bytes, counts of jobs, what failed lately.
// Built before the cores start, outlives them. References and relaxed atomics; any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "imgring/base/error.h"
#include "imgring/base/log.h"
#include "imgring/base/stop.h"
#include "imgring/loop/offload.h"
#include "imgring/mem/ledger.h"
#include "imgring/observe/metrics.h"
#include "imgring/service/equal_lines.h"
#include "imgring/service/memory_watch.h"

namespace imgring::image {
class DecodeScratch;
}
namespace imgring::pipeline {
struct RenderJob;
struct RenderedImage;
Result<RenderedImage> render(const RenderJob& job, const StopFlag& stop);
}  // namespace imgring::pipeline
namespace imgring::sandbox {
class Children;
}

namespace imgring::service {

// Jobs that may exist at once when IMGPROXY_REQUESTS_QUEUE_SIZE is 0 (decision 4).
inline constexpr int kJobsMax = 1024;
// Jobs that run or wait, with so many helpers: queue_size is IMGPROXY_REQUESTS_QUEUE_SIZE.
int job_limit(int queue_size, int helpers) noexcept;

// Of the plans' part, what patient jobs may hold: the rest is the quick ones'.
constexpr std::uint64_t patient_part(std::uint64_t planned_bytes) noexcept {
  return planned_bytes / 4 * 3;
}

// What libvips held when the last picture was done. Published by helpers, for libvips is not asked
// on a loop; read by any thread.
class LibraryMemory {
 public:
  void publish(const observe::VipsNumbers& numbers) noexcept {
    bytes_.store(numbers.memory_bytes, std::memory_order_relaxed);
    bytes_max_.store(numbers.memory_bytes_max, std::memory_order_relaxed);
    allocs_.store(numbers.allocs, std::memory_order_relaxed);
  }
  observe::VipsNumbers numbers() const noexcept {
    return {bytes_.load(std::memory_order_relaxed), bytes_max_.load(std::memory_order_relaxed),
            allocs_.load(std::memory_order_relaxed)};
  }

 private:
  std::atomic<std::uint64_t> bytes_{0}, bytes_max_{0}, allocs_{0};
};

// What a helper does with a picture: pipeline::render, or what stands for it in a simulation.
using Render = Result<pipeline::RenderedImage> (*)(const pipeline::RenderJob&, const StopFlag&);

struct Shared {
  Shared(const Logger& l, loop::HelperPool& h, std::uint64_t memory_limit_bytes);
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  const Logger& log;
  loop::HelperPool& helpers;
  // Set before the cores start; they outlive the helpers.
  sandbox::Children* children = nullptr;
  image::DecodeScratch* scratch = nullptr;
  Render render = pipeline::render;
  mem::Ledger ledger;   // what strangers can make the process hold
  mem::Budget patient;  // of the plans' part, what jobs of the patient lane may hold at most
  MemoryWatch memory;
  EqualLines equal_lines;  // of the request log
  LibraryMemory library_memory;
  std::atomic<int> jobs{0};  // handed to helpers and not back yet
  // Jobs to come, by the lane that is known before their sources are: these are on their way.
  std::array<std::atomic<int>, loop::kLaneCount> coming{};
  std::atomic<int> memory_waiters{0};  // jobs that wait for bytes of the plans' part

  mem::Budget& plans() noexcept { return ledger.part(mem::Part::kPlans); }
  const mem::Budget& plans() const noexcept { return ledger.part(mem::Part::kPlans); }
  // Jobs wait for bytes that unsent results hold: the slowest readers are to be ended.
  bool short_of_plans() const noexcept;
  // Room for one more job? Counted when true; job_done() takes it back.
  // Queue: IMGPROXY_REQUESTS_QUEUE_SIZE, 0 = kJobsMax in all.
  bool job_admitted(int queue_size) noexcept;
  bool job_room(int queue_size) const noexcept;
  int job_limit(int queue_size) const noexcept;
  void job_done() noexcept { jobs.fetch_sub(1, std::memory_order_relaxed); }
};

}  // namespace imgring::service
