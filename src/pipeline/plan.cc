// From facts and options to the list of steps with exact sizes (processing.md sections 4 to 6).
// Owns nothing. Any thread. Promises: a plan for the picture that was really loaded describes
// exactly what the runner does; one made from predicted facts differs only where a loader or trim
// surprises.
#include "imgring/pipeline/plan.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace imgring::pipeline {
namespace {

using url::Gravity;
using url::GravityType;
using url::ProcessingOptions;

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

// Section 6, scale-on-load: p, how many times the source is larger than what is wanted of it.
double wanted_shrink(const PlanInput& in, const Geometry& g) noexcept {
  const double w = share(g.source_width, std::max(1, scaled(g.source_width, g.width_scale)));
  const double h = share(g.source_height, std::max(1, scaled(g.source_height, g.height_scale)));
  const double p = std::min(w, h);
  return facts_of(in.facts.type).vector ? p * in.guard_shrink : p;
}

LoadScale choose_load_scale(const PlanInput& in, const Geometry& g) noexcept {
  const ImageTypeFacts& type = facts_of(in.facts.type);
  const LoadScale unscaled{.scale = 1 / in.guard_shrink};
  if (in.frames > 1 || in.trimmed || in.options->trim.on) return unscaled;
  const double p = wanted_shrink(in, g);
  if (p == 1) return unscaled;
  if (type.vector) return {.scale = 1 / p};
  if (in.config->disable_shrink_on_load || p <= 1) return unscaled;
  if (in.facts.type == ImageType::kJpeg) return {.shrink = jpeg_shrink(p)};
  if (in.facts.type == ImageType::kWebp) return {.scale = 1 / p};
  if (type.thumbnail) return {.thumbnail = true};
  return unscaled;
}

// Scales, crop and gravity for a picture that came smaller (or, a vector, larger) than the source.
void fit_to_loaded(Plan* plan, const PlanInput& in) {
  Geometry& g = plan->geometry;
  const Size now = turned_size(plan->loaded, *in.options);
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

// Where an area of the turned picture lies before the turn: steps::turn's order, backwards.
Area before_turn(Area area, Size frame, const Turn& exif, const ProcessingOptions& o) noexcept {
  const auto flip = [&](bool across, bool down) {
    if (across) area.left = frame.width - area.left - area.width;
    if (down) area.top = frame.height - area.top - area.height;
  };
  const auto turn_back = [&](int angle) {
    for (int quarter = (angle / 90 % 4 + 4) % 4; quarter > 0; --quarter) {
      area = {area.top, frame.width - area.left - area.width, area.height, area.width};
      frame = {frame.height, frame.width};
    }
  };
  flip(o.flip_horizontal, o.flip_vertical);
  turn_back(o.rotate);
  flip(exif.flip, false);
  turn_back(exif.angle);
  return area;
}

// Makes steps one by one; `size` is the picture's size so far.
class StepMaker {
 public:
  StepMaker(Plan* plan, const PlanInput& in, Size size)
      : plan_(*plan), in_(in), options_(*in.options), size_(size) {}

  void make_from(StepKind first) {
    using Make = void (StepMaker::*)();
    struct MakerRow {
      StepKind kind;
      Make make;
    };
    static constexpr MakerRow kMakers[] = {
        {StepKind::kTrim, &StepMaker::trim},
        {StepKind::kToProcessing, &StepMaker::to_processing},
        {StepKind::kCrop, &StepMaker::crop},
        {StepKind::kScale, &StepMaker::scale},
        {StepKind::kTurn, &StepMaker::turn},
        {StepKind::kResultCrop, &StepMaker::result_crop},
        {StepKind::kFilters, &StepMaker::filters},
        {StepKind::kExtend, &StepMaker::extend},
        {StepKind::kExtendAspectRatio, &StepMaker::extend_ar},
        {StepKind::kPadding, &StepMaker::padding},
        {StepKind::kFixSize, &StepMaker::fix_size},
        {StepKind::kFlatten, &StepMaker::flatten},
        {StepKind::kWatermark, &StepMaker::watermark},
    };
    static_assert(is_step_table(kMakers));
    for (auto i = static_cast<std::size_t>(first); i < std::size(kMakers); ++i) {
      // Named first: g++ 12.2 with -fsanitize=undefined reads the index before it is set otherwise.
      const Make make = kMakers[i].make;
      (this->*make)();
    }
    plan_.result = size_;
    cut_before_turn();
  }
  // One more cut of the result, where nothing comes behind it.
  void cut_to(Area area) {
    add(StepKind::kResultCrop, {area.width, area.height}).area = area;
    plan_.result = size_;
    cut_before_turn();
  }

 private:
  // A cut whose place is known comes before the turn: turns copy the picture into memory, and what
  // is cut off may be a thousand times what is kept.
  void cut_before_turn() {
    const auto cut = std::ranges::find(plan_.steps, StepKind::kResultCrop, &Step::kind);
    if (cut == plan_.steps.end() || cut == plan_.steps.begin() || cut->smart) return;
    const auto turn = cut - 1;
    if (turn->kind != StepKind::kTurn) return;
    cut->area = before_turn(cut->area, turn->after, plan_.turn, options_);
    cut->after = {cut->area.width, cut->area.height};
    turn->after = turned() ? Size{cut->after.height, cut->after.width} : cut->after;
    std::iter_swap(turn, cut);
  }

  Step& add(StepKind kind, Size after) {
    size_ = after;
    Step& step = plan_.steps.emplace_back();
    step.kind = kind;
    step.after = after;
    return step;
  }

  bool turned() const { return (plan_.turn.angle + options_.rotate) % 180 != 0; }

  void trim() {
    if (!options_.trim.on || in_.trimmed || in_.frames > 1) return;
    plan_.depends_on_pixels = true;
    add(StepKind::kTrim, size_);
  }

  void to_processing() { add(StepKind::kToProcessing, size_); }

  // Offsets of a crop before the resize do not know dpr: offset_scale 1.
  void cut(StepKind kind, Size to, const Gravity& gravity, double offset_scale) {
    if (to.width == 0 && to.height == 0) return;
    const Size before = size_;
    to.width = min_nonzero(to.width, before.width);
    to.height = min_nonzero(to.height, before.height);
    if (to.width >= before.width && to.height >= before.height) return;
    to.width = std::min(to.width, before.width);
    to.height = std::min(to.height, before.height);
    Step& step = add(kind, to);
    step.area = {0, 0, to.width, to.height};
    step.smart = gravity.type == GravityType::kSmart;
    if (step.smart) return;
    const Position at = position_of(
        {before.width, before.height, to.width, to.height, offset_scale}, gravity);
    step.area.left = at.left;
    step.area.top = at.top;
  }

  void crop() {
    Gravity gravity = adjust_gravity(plan_.crop_gravity, options_.rotate, options_.flip_horizontal,
                                     options_.flip_vertical);
    gravity = adjust_gravity(gravity, plan_.turn.angle, plan_.turn.flip, false);
    Size to{plan_.geometry.crop_width, plan_.geometry.crop_height};
    if (turned()) std::swap(to.width, to.height);
    cut(StepKind::kCrop, to, gravity, 1);
  }

  void scale() {
    double w = plan_.geometry.width_scale;
    double h = plan_.geometry.height_scale;
    if (w == 1 && h == 1) return;
    if (turned()) std::swap(w, h);
    Step& step = add(StepKind::kScale, {resized(size_.width, w), resized(size_.height, h)});
    step.width_scale = w;
    step.height_scale = h;
  }

  void turn() {
    const bool any = plan_.turn.angle % 360 != 0 || options_.rotate % 360 != 0 ||
                     plan_.turn.flip || options_.flip_horizontal || options_.flip_vertical;
    if (!any) return;
    add(StepKind::kTurn, turned() ? Size{size_.height, size_.width} : size_);
  }

  void result_crop() {
    const Geometry& g = plan_.geometry;
    cut(StepKind::kResultCrop, {g.result_crop_width, g.result_crop_height}, options_.gravity,
        g.dpr);
  }

  void filters() {
    if (options_.blur == 0 && options_.sharpen == 0 && options_.pixelate <= 1) return;
    add(StepKind::kFilters, size_);
  }

  void put_on_canvas(StepKind kind, Size canvas, const Gravity& gravity) {
    const Size before = size_;
    if (canvas.width <= before.width && canvas.height <= before.height) return;
    if (canvas.width <= 0) canvas.width = before.width;
    if (canvas.height <= 0) canvas.height = before.height;
    const Position at = position_of({canvas.width, canvas.height, before.width, before.height,
                                     plan_.geometry.dpr},
                                    gravity);
    add(kind, canvas).area = {at.left, at.top, before.width, before.height};
  }

  void extend() {
    const Geometry& g = plan_.geometry;
    if (!options_.extend.on) return;
    put_on_canvas(StepKind::kExtend, {g.target_width, g.target_height}, options_.extend.gravity);
  }

  void extend_ar() {
    const Geometry& g = plan_.geometry;
    if (!options_.extend_aspect_ratio.on) return;
    if (g.extend_ar_width == 0 || g.extend_ar_height == 0) return;
    put_on_canvas(StepKind::kExtendAspectRatio, {g.extend_ar_width, g.extend_ar_height},
                  options_.extend_aspect_ratio.gravity);
  }

  // Sums stay within int: libvips refuses canvases past ten million a side.
  static int sum(int a, int b, int c) {
    constexpr std::int64_t kMax = std::numeric_limits<int>::max();
    return static_cast<int>(std::min(kMax, std::int64_t{a} + b + c));
  }

  void padding() {
    const auto& pad = options_.padding;
    if (pad.top <= 0 && pad.right <= 0 && pad.bottom <= 0 && pad.left <= 0) return;
    const double dpr = plan_.geometry.dpr;
    const int left = scaled_even(pad.left, dpr);
    const int top = scaled_even(pad.top, dpr);
    const Size before = size_;
    const Size canvas{sum(before.width, left, scaled_even(pad.right, dpr)),
                      sum(before.height, top, scaled_even(pad.bottom, dpr))};
    add(StepKind::kPadding, canvas).area = {left, top, before.width, before.height};
  }

  // Largest sides the formats hold, by which both axes shrink.
  static double format_scale(ImageType type, Size size) {
    const double longest = std::max(size.width, size.height);
    const auto side_limit = [&](double limit) {
      return longest > limit ? 1 / (longest / limit) : 1;
    };
    if (type == ImageType::kWebp) return side_limit(16383);
    if (type == ImageType::kAvif || type == ImageType::kHeic) return side_limit(16384);
    if (type == ImageType::kIco) return side_limit(256);
    if (type != ImageType::kGif) return 1;
    constexpr double kGifPixels = std::numeric_limits<int>::max() / 4;
    const double area = static_cast<double>(size.width) * size.height;
    const double shrink = area / kGifPixels;
    return std::min(shrink > 1 ? std::sqrt(1 / shrink) : 1, side_limit(65535));
  }

  void fix_size() {
    const double factor = format_scale(in_.result_type, size_);
    if (factor == 1) return;
    Step& step = add(StepKind::kFixSize,
                     {resized(size_.width, factor), resized(size_.height, factor)});
    step.width_scale = step.height_scale = factor;
  }

  void flatten() {
    if (options_.background || !facts_of(in_.result_type).alpha) add(StepKind::kFlatten, size_);
  }

  void watermark() {
    if (in_.watermark && options_.watermark.opacity != 0) add(StepKind::kWatermark, size_);
  }

  Plan& plan_;
  const PlanInput& in_;
  const ProcessingOptions& options_;
  Size size_;
};

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
  const Geometry g = compute_geometry(in.facts, *in.options);
  const LoadScale load = choose_load_scale(in, g);
  LoadScale relative = load;
  // A guarded vector's facts are at the guard's size already.
  relative.scale *= in.guard_shrink;
  const Size predicted = predicted_load_size(in.facts, relative);
  return make_plan_for_loaded(in, load, with_size(in.facts, predicted));
}

Plan make_plan_for_loaded(const PlanInput& in, const LoadScale& load, const SourceFacts& loaded) {
  Plan plan;
  plan.load = load;
  plan.loaded = loaded;
  plan.frames = in.frames;
  plan.result_type = in.result_type;
  plan.geometry = compute_geometry(in.facts, *in.options);
  plan.wanted_shrink = wanted_shrink(in, plan.geometry);
  plan.turn = turn_of(loaded.orientation, in.options->auto_rotate);
  plan.crop_gravity = in.options->crop.gravity;
  if (plan.crop_gravity.type == GravityType::kUnset) plan.crop_gravity = in.options->gravity;
  if (turned_size(loaded, *in.options) != turned_size(in.facts, *in.options))
    fit_to_loaded(&plan, in);
  StepMaker(&plan, in, {loaded.width, loaded.height}).make_from(StepKind::kTrim);
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
  const auto next = static_cast<StepKind>(static_cast<int>(done) + 1);
  StepMaker(plan, in, actual).make_from(next);
}

}  // namespace imgring::pipeline
