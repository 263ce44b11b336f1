// Sizes that no plan may have, whatever the budgets say: what the format or libvips can't hold, and
// canvases that keep a helper busy for longer than anybody waits.
#include <algorithm>

#include "imgring/pipeline/plan.h"

namespace imgring::pipeline {
namespace {

// Of what steps make of a picture, enlarged or padded: the longest side that a lossy format or GIF
// holds. A source may be larger. A canvas of 800 000 pixels a row took 3.3 GB to be made small.
constexpr int kSideMax = 65535;
// 2^31 / 4, what GIF holds and twice the largest WebP or AVIF: 3.5 s of a helper as an ICO, where
// every pixel is made and thrown away (`pd:11500:11500:11500:11500`, small source).
constexpr double kCanvasPixelsMax = 1 << 29;

// VIPS_MAX_COORD: libvips addresses no more, and warns on standard error of what is asked for.
constexpr int kVipsSideMax = 10'000'000;

// Of a scale that a cut to a known place follows only the part is made that the cut leaves.
bool cut_at_once(const Plan& plan, std::size_t index) noexcept {
  if (plan.steps[index].kind != StepKind::kScale || index + 1 == plan.steps.size()) return false;
  const Step& next = plan.steps[index + 1];
  return next.kind == StepKind::kResultCrop && !next.smart;
}

double pixels(Size size) noexcept { return static_cast<double>(size.width) * size.height; }
int longest(Size size) noexcept { return std::max(size.width, size.height); }

std::unexpected<Error> too_large(std::string_view what, Size size, double limit) {
  return fail(ErrorCode::kResultTooLarge,
              std::string(what) + " would make " + std::to_string(size.width) + " x " +
                  std::to_string(size.height) + " pixels, above the limit of " +
                  std::to_string(static_cast<std::int64_t>(limit)) +
                  "; ask for less, or set IMGPROXY_MAX_RESULT_DIMENSION");
}

Result<void> check_steps(const Plan& plan) {
  const bool given = !facts_of(plan.loaded.type).vector;  // a vector is as large as one asks for
  const Size loaded = given ? Size{plan.loaded.width, plan.loaded.height} : Size{};
  const int side_max = std::max(kSideMax, longest(loaded));
  const double pixels_max = std::max(kCanvasPixelsMax, pixels(loaded));
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    const std::string_view what = name_of(step.kind);
    if (longest(step.after) > kVipsSideMax) return too_large(what, step.after, kVipsSideMax);
    if (cut_at_once(plan, i)) continue;
    if (longest(step.after) > side_max) return too_large(what, step.after, side_max);
    if (pixels(step.after) > pixels_max) return too_large(what, step.after, pixels_max);
  }
  return {};
}

}  // namespace

Result<void> check_inner_sizes(const Plan& plan, const PlanInput& in) {
  return in.last() ? check_sizes(plan) : check_steps(plan);
}

Result<void> check_sizes(const Plan& plan) {
  IMGRING_TRY_VOID(check_steps(plan));
  for (const Plan& later : plan.later) IMGRING_TRY_VOID(check_steps(later));
  const Size result = plan.final_size();
  const format::Format& row = facts_of(plan.result_type);
  if (longest(result) > row.largest.refused_side) {
    return too_large(row.name, result, row.largest.refused_side);
  }
  return {};
}

}  // namespace imgring::pipeline
