// Shorthand for plan tests: options out of a path's processing part, and plans of still pictures.
// A parser of its own on purpose: these tests must not follow a mistake in the url module.
#pragma once

#include <string_view>

#include "imgring/base/text.h"
#include "imgring/pipeline/plan.h"

namespace imgring::pipeline::testing {

inline double number(std::string_view text) { return parse_float(text).value_or(0); }
inline int whole(std::string_view text) { return static_cast<int>(number(text)); }

inline url::ResizingType resizing_type(std::string_view name) {
  using enum url::ResizingType;
  if (name == "fill") return kFill;
  if (name == "fill-down") return kFillDown;
  if (name == "force") return kForce;
  return name == "auto" ? kAuto : kFit;
}

inline void set_option(url::RequestOptions* o, const std::vector<std::string_view>& a) {
  const std::string_view name = a[0];
  const auto arg = [&](std::size_t i) { return i < a.size() ? a[i] : std::string_view("0"); };
  if (name == "rt") o->first().resizing_type = resizing_type(arg(1));
  if (name == "w") o->first().width = whole(arg(1));
  if (name == "h") o->first().height = whole(arg(1));
  if (name == "mw") o->first().min_width = whole(arg(1));
  if (name == "mh") o->first().min_height = whole(arg(1));
  if (name == "mrd") o->max_result_dimension = whole(arg(1));
  if (name == "dpr") o->first().dpr = number(arg(1));
  if (name == "el") o->first().enlarge = true;
  if (name == "ex") o->first().extend.on = true;
  if (name == "exar") o->first().extend_aspect_ratio.on = true;
  if (name == "rot") o->first().rotate = whole(arg(1));
  if (name == "c") o->first().crop.width = number(arg(1)), o->first().crop.height = number(arg(2));
  if (name == "z") o->first().zoom_width = number(arg(1)), o->first().zoom_height = number(arg(2));
  if (name == "page" || name == "pg") o->page = whole(arg(1));
  if (name == "pages" || name == "pgs") o->pages = whole(arg(1));
  if (name == "disable_animation" || name == "da") o->disable_animation = true;
  if (name == "pd")
    o->first().padding = {whole(arg(1)), whole(arg(2)), whole(arg(3)), whole(arg(4))};
}

// "rt:fill/w:25/.../plain/SOURCE"
inline url::RequestOptions options_of(std::string_view path) {
  url::RequestOptions options;
  for (const std::string_view part : split(path, "/")) {
    if (part == "plain") break;
    set_option(&options, split(part, ":"));
  }
  return options;
}

inline SourceFacts facts(ImageType type, int width, int height) {
  SourceFacts f;
  f.type = type;
  f.width = width;
  f.height = height;
  return f;
}

inline Plan plan_of(const SourceFacts& source, const url::RequestOptions& options,
                    ImageType result = ImageType::kPng) {
  static const config::ProcessingConfig config;
  PlanInput in;
  in.facts = source;
  in.options = &options;
  in.config = &config;
  in.result_type = result;
  return make_plan(in);
}

inline const Step* find_step(const Plan& plan, StepKind kind) {
  for (const Step& step : plan.steps)
    if (step.kind == kind) return &step;
  return nullptr;
}

}  // namespace imgring::pipeline::testing
