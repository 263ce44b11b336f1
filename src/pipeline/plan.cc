// From facts and options to a plan (processing.md sections 4 to 6): how the source is loaded, and
// the scales, cuts and places that its steps are made from (step_maker.cc).
// Owns nothing. Any thread. Promises: a plan for the picture that was really loaded describes
// exactly what the runner does; one made from predicted facts differs only where a loader or trim
// surprises.
#include "imgring/pipeline/plan.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "step_maker.h"

namespace imgring::pipeline {
namespace {

using url::Gravity;
using url::GravityType;
using url::RequestOptions;

SourceFacts with_size(SourceFacts facts, Size size) noexcept {
  facts.width = size.width;
  facts.height = size.height;
  return facts;
}

int jpeg_shrink(double p) noexcept {
  for (const int shrink : {8, 4, 2})
    if (p >= shrink) return shrink;
  return 1;
}

double share(int whole, int part) noexcept { return static_cast<double>(whole) / part; }

// processing.md section 6, scale-on-load: p, how many times the source is larger than what is
// wanted of it.
double wanted_shrink(const PlanInput& in, const Geometry& g) noexcept {
  const double w = share(g.source_width, std::max(1, scaled(g.source_width, g.width_scale)));
  const double h = share(g.source_height, std::max(1, scaled(g.source_height, g.height_scale)));
  const double p = std::min(w, h);
  return facts_of(in.facts.type).vector ? p * in.guard_shrink : p;
}

LoadScale choose_load_scale(const PlanInput& in, const Geometry& g) noexcept {
  const format::Format& type = facts_of(in.facts.type);
  const LoadScale unscaled{.scale = 1 / in.guard_shrink};
  if (in.chained()) return unscaled;
  const bool stacked = in.frames > 1 || in.facts.pages_joined > 1;
  if (stacked || in.trimmed || in.pixels().trim.on) return unscaled;
  const double p = wanted_shrink(in, g);
  if (p == 1) return unscaled;
  if (type.vector) return {.scale = 1 / p};
  // What a loader makes smaller is a mean of pixels, none of them.
  const bool nearest = in.pixels().resizing_algorithm == url::ResizingAlgorithm::kNearest;
  if (in.config->disable_shrink_on_load || nearest || p <= 1) return unscaled;
  if (in.facts.type == ImageType::kJpeg) return {.shrink = jpeg_shrink(p)};
  if (in.facts.type == ImageType::kWebp) return {.scale = 1 / p};
  if (type.thumbnail) return {.thumbnail = true};
  return unscaled;
}

// Scales, crop and gravity for a picture that came smaller (or, a vector, larger) than the source.
void fit_to_loaded(Plan* plan, const PlanInput& in) {
  Geometry& g = plan->geometry;
  const Size now = turned_size(plan->loaded, in.pixels());
  const double fw = share(g.source_width, now.width);
  const double fh = share(g.source_height, now.height);
  g.width_scale *= fw;
  g.height_scale *= fh;
  if (now.width == scaled(now.width, g.width_scale)) g.width_scale = 1;
  if (now.height == scaled(now.height, g.height_scale)) g.height_scale = 1;
  if (g.crop_width > 0) g.crop_width = std::max(1, round_away(g.crop_width / fw));
  if (g.crop_height > 0) g.crop_height = std::max(1, round_away(g.crop_height / fh));
  Gravity& gravity = plan->crop_gravity;
  if (gravity.type == GravityType::kFocusPoint) return;
  if (std::abs(gravity.x) >= 1) gravity.x = std::nearbyint(gravity.x / fw);
  if (std::abs(gravity.y) >= 1) gravity.y = std::nearbyint(gravity.y / fh);
}

}  // namespace

double guard_shrink_of(const SourceFacts& facts, std::int64_t max_src_resolution) noexcept {
  const double area = static_cast<double>(facts.width) * facts.height;
  const auto limit = static_cast<double>(max_src_resolution);
  if (!facts_of(facts.type).vector || limit <= 0 || area <= limit) return 1;
  return std::sqrt(area / limit);
}

void apply_vector_guard(PlanInput* in) noexcept {
  const double guard = guard_shrink_of(in->facts, in->options->max_src_resolution);
  if (guard == 1) return;
  const Size size = predicted_load_size(in->facts, {.scale = 1 / guard});
  in->facts = with_size(in->facts, size);
  in->guard_shrink = guard;
}

// JPEG by what libvips makes of libjpeg's scaling; the others round half up.
Size predicted_load_size(const SourceFacts& facts, const LoadScale& load) noexcept {
  if (load.shrink > 1) {
    return {std::max(1, facts.width / load.shrink), std::max(1, facts.height / load.shrink)};
  }
  const auto side = [&](int v) {
    return std::max(1, round_away(std::floor(v * load.scale + 0.5)));
  };
  return {side(facts.width), side(facts.height)};
}

Plan make_plan(const PlanInput& in) {
  const Geometry g = compute_geometry(in.facts, in.pixels(), in.options->max_result_dimension);
  const LoadScale load = choose_load_scale(in, g);
  LoadScale relative = load;
  // A guarded vector's facts are at the guard's size already.
  relative.scale *= in.guard_shrink;
  const Size predicted = predicted_load_size(in.facts, relative);
  return make_plan_for_loaded(in, load, with_size(in.facts, predicted));
}

namespace {

// Of one pipeline, without costs.
Plan plan_one(const PlanInput& in, const LoadScale& load, const SourceFacts& loaded) {
  Plan plan;
  plan.load = load;
  plan.loaded = loaded;
  plan.frames = in.frames;
  plan.result_type = in.result_type;
  plan.candidates = in.candidates;
  plan.geometry = compute_geometry(in.facts, in.pixels(), in.options->max_result_dimension);
  plan.reduces = plan.geometry.width_scale < 1 || plan.geometry.height_scale < 1;
  plan.wanted_shrink = wanted_shrink(in, plan.geometry);
  plan.turn = turn_of(loaded.orientation, in.pixels().auto_rotate);
  plan.crop_gravity = in.pixels().crop.gravity;
  if (plan.crop_gravity.type == GravityType::kUnset) plan.crop_gravity = in.pixels().gravity;
  if (turned_size(loaded, in.pixels()) != turned_size(in.facts, in.pixels()))
    fit_to_loaded(&plan, in);
  StepMaker(&plan, in, {loaded.width, loaded.height}).make_from(0);
  return plan;
}

// What steps leave of the alpha that a picture has.
bool alpha_behind(const Plan& plan, bool alpha) noexcept {
  for (const Step& step : plan.steps) {
    const bool canvas = step.kind == StepKind::kExtend || step.kind == StepKind::kPadding ||
                        step.kind == StepKind::kExtendAspectRatio;
    if (canvas) alpha = true;
    if (step.kind == StepKind::kFlatten) alpha = false;
  }
  return alpha;
}

}  // namespace

bool Plan::any_depends_on_pixels() const noexcept {
  return depends_on_pixels ||
         std::ranges::any_of(later, [](const Plan& plan) { return plan.depends_on_pixels; });
}

PlanInput input_behind(const PlanInput& in, std::size_t pipeline, const SourceFacts& picture) {
  PlanInput behind = in;
  behind.pipeline = pipeline;
  behind.facts = picture;
  behind.facts.type = in.facts.type;
  behind.facts.rendered = true;
  behind.facts.orientation = 1;
  behind.guard_shrink = 1;
  behind.trimmed = false;
  return behind;
}

Plan plan_behind(const PlanInput& in) { return plan_one(in, {}, in.facts); }

bool wants_memory(const Plan& later) noexcept { return !later.steps.empty(); }

Plan make_plan_for_loaded(const PlanInput& in, const LoadScale& load, const SourceFacts& loaded) {
  Plan plan = plan_one(in, load, loaded);
  const Plan* before = &plan;
  bool alpha = loaded.alpha;
  std::vector<Plan> later;
  later.reserve(in.options->pipelines.size());
  for (std::size_t i = in.pipeline + 1; i < in.options->pipelines.size(); ++i) {
    alpha = alpha_behind(*before, alpha);
    SourceFacts given = with_size(loaded, before->result);
    given.alpha = alpha;
    later.push_back(plan_behind(input_behind(in, i, given)));
    before = &later.back();
  }
  plan.later = std::move(later);
  plan.planned_bytes = planned_bytes(plan, in);
  plan.certain_bytes = certain_bytes(plan, in);
  return plan;
}

void cut_result(Plan* plan, const PlanInput& in, Area area) {
  StepMaker(plan, in, plan->result).cut_to(area);
}

void replan_after(Plan* plan, const PlanInput& in, std::size_t index, Size actual) {
  const StepKind done = plan->steps[index].kind;
  plan->steps.resize(index + 1);
  plan->steps[index].after = actual;
  StepMaker(plan, in, actual).make_from(index_of(done) + 1);
}

}  // namespace imgring::pipeline
