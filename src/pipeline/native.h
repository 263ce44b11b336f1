// Which plans, or how much of their beginning, image/native.h carries out: JPEG, PNG and WebP cut,
// made smaller, turned, blurred, sharpened, flattened, made sRGB. native_plan is the only place
// that decides; what the codecs themselves do not take, they say. Owns nothing. native_plan: any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "imgring/image/native.h"
#include "imgring/pipeline/plan.h"

namespace imgring::pipeline {

// A picture that is larger when the native steps are done takes the libvips way, which goes through
// it strip by strip: mostly they are those that are not made smaller at all.
inline constexpr std::int64_t kFrontBytesMax = 16 << 20;

// What of a loaded picture's pixels counts: 8-bit sRGB or grey.
struct NativePixels {
  int bands = 3;
  bool profile = false;                                // that says something else than sRGB
  std::shared_ptr<const codec::MatrixProfile> matrix;  // what it says, where that is so plain
};
// nullopt: other pixels, which are libvips' business.
std::optional<NativePixels> native_pixels(VipsImage* loaded) noexcept;

struct NativePlan {
  image::NativeJob job;   // but for its source
  std::size_t steps = 0;  // of the plan, from the first on, that the job carries out
  // All of them, and the result's rows are written as they come.
  bool whole = false;
  // They may be a picture in memory, with which libvips goes on. One of both is true at least.
  bool front = false;
};
// nullopt: all of it is libvips' business.
std::optional<NativePlan> native_plan(const Plan& plan, const PlanInput& input,
                                      const NativePixels& pixels) noexcept;

// What the picture in memory takes where the plan may begin natively and go on by libvips; 0: there
// is none.
double front_bytes(const Plan& plan, const PlanInput& input) noexcept;

}  // namespace imgring::pipeline
