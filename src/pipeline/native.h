// Which plans image::save_natively carries out: JPEG and PNG cut, made smaller, turned, flattened.
// Every condition is here; what the codecs themselves do not take, they say.
// Owns nothing. native_job: any thread.
#pragma once

#include <optional>

#include "imgring/image/native.h"
#include "imgring/pipeline/plan.h"

namespace imgring::pipeline {

// The job but for its source and its bands; nullopt: the plan is libvips' business.
std::optional<image::NativeJob> native_job(const Plan& plan, const PlanInput& input) noexcept;
// 8-bit sRGB or grey, without a profile or with the one that says so.
bool has_native_pixels(VipsImage* loaded) noexcept;
// Completes the job with what was loaded; false: these pixels are libvips' business.
bool take_pixels(image::NativeJob* job, VipsImage* loaded) noexcept;

}  // namespace imgring::pipeline
