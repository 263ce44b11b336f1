// A plan as text: what `explain` prints.
// Owns nothing. Any thread.
#include <fmt/format.h>

#include <iterator>

#include "imgring/pipeline/plan.h"

namespace imgring::pipeline {
namespace {

constexpr std::string_view kNames[] = {
#define IMGRING_STEP_NAME(kind, function, name) name,
    IMGRING_STEPS(IMGRING_STEP_NAME)
#undef IMGRING_STEP_NAME
        "end"};

std::string detail_of(const Step& step) {
  if (step.smart) return " (smart)";
  if (step.area.width > 0) return fmt::format(" at {},{}", step.area.left, step.area.top);
  if (step.width_scale != 1 || step.height_scale != 1)
    return fmt::format(" by {:.6g} x {:.6g}", step.width_scale, step.height_scale);
  return {};
}

std::string load_text(const Plan& plan) {
  std::string text = fmt::format("load {}", facts_of(plan.loaded.type).name);
  if (plan.load.shrink != 1) text += fmt::format(" shrunk by {}", plan.load.shrink);
  if (plan.load.scale != 1) text += fmt::format(" scaled by {:.6g}", plan.load.scale);
  if (plan.load.thumbnail) text += " thumbnail";
  text += fmt::format(": {}x{}", plan.loaded.width, plan.loaded.height);
  if (plan.loaded.pages_joined > 1) text += fmt::format(", {} pages", plan.loaded.pages_joined);
  if (plan.frames > 1) text += fmt::format(", {} frames", plan.frames);
  return text + "\n";
}

std::string steps_text(const Plan& plan) {
  std::string text;
  for (const Step& step : plan.steps) {
    text += fmt::format("{}{}: {}x{}\n", name_of(step.kind), detail_of(step), step.after.width,
                        step.after.height);
  }
  return text;
}

std::string saved_text(const Plan& plan) {
  std::string text;
  for (const ImageType type : plan.candidates) {
    text += fmt::format("{}{}", text.empty() ? "the best of " : ", ", facts_of(type).name);
  }
  return text.empty() ? std::string(facts_of(plan.result_type).name) : text;
}

}  // namespace

std::string_view name_of(StepKind kind) noexcept { return kNames[index_of(kind)]; }

std::string describe(const Plan& plan) {
  std::string text = load_text(plan) + steps_text(plan);
  for (std::size_t i = 0; i < plan.later.size(); ++i) {
    const Plan& later = plan.later[i];
    text += fmt::format("pipeline {}{}: {}x{}\n", i + 2, wants_memory(later) ? ", from memory" : "",
                        later.loaded.width, later.loaded.height);
    text += steps_text(later);
  }
  if (plan.any_depends_on_pixels()) text += "sizes after trim depend on the pixels\n";
  text += fmt::format("save {}: {}x{}, dpr {:.6g}, about {} bytes of memory\n", saved_text(plan),
                      plan.final_size().width, plan.final_size().height, plan.geometry.dpr,
                      plan.planned_bytes);
  return text;
}

}  // namespace imgring::pipeline
