// CPU time a job is expected to take, from its plan: tables by format and step. For the helpers'
// lanes and for refusing what could not start in time. Values; any thread. Promises: the right
// order of magnitude; what machine, settings and load add is learned by loop::Backlog as jobs
// finish.
#pragma once

#include <chrono>

#include "imgring/pipeline/plan.h"

namespace imgring::pipeline {

struct PlannedWork {
  std::chrono::microseconds decode{0};  // and reducing what was decoded
  std::chrono::microseconds steps{0};
  std::chrono::microseconds encode{0};
  std::chrono::microseconds start{0};  // of encode, what a picture of any size takes
  std::chrono::microseconds least{0};  // of it, what is certain (least_work); 0: nothing is
  std::chrono::microseconds all() const noexcept { return decode + steps + encode; }
  // So long that others must not have to wait for it: the helpers' patient lane.
  bool patient() const noexcept;
};

PlannedWork planned_work(const Plan& plan, const PlanInput& in) noexcept;
// What steps and encoder take at least, whatever the picture shows: a job that has less time than
// this can't be in time. Content makes a difference of ten times for an encoder of HEIC, so that
// sources whose bytes tell of much content have a bound of their own.
std::chrono::microseconds least_work(const Plan& plan, const PlanInput& in,
                                     std::size_t source_bytes) noexcept;
// Where no plan can be made because libvips alone can read the header.
struct UnreadSource {
  ImageType source = ImageType::kUnknown, result = ImageType::kUnknown;
  double pixels = 0;
  double result_pixels = 0;                    // 0: as many
  const format::EncodeCost* encode = nullptr;  // null: that of the result's row
};
PlannedWork planned_work(const UnreadSource& unread) noexcept;

}  // namespace imgring::pipeline
