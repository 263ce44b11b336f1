// Which plans image::native_jpeg carries out: JPEG to JPEG, cut and made smaller, nothing else.
// Owns nothing. native_job: any thread.
#pragma once

#include <optional>

#include "imgring/image/native_jpeg.h"
#include "imgring/pipeline/plan.h"

namespace imgring::pipeline {

// The job but for its source; nullopt: the plan is libvips' business.
std::optional<image::NativeJpegJob> native_job(const Plan& plan, const PlanInput& input) noexcept;
// 8-bit sRGB without a profile, or with the one that says so.
bool has_native_pixels(VipsImage* loaded) noexcept;

}  // namespace imgring::pipeline
