// The table of steps: what a plan makes of each, and what it costs.
// Constants are CPU time of `tests/bench/work_bench 2 --steps p16.jpg`: a photo of 0.1 and 1.7 MP
// in 8-bit sRGB, with the step and without; a blurred picture is quicker to encode, so that the
// least of a blur's is rounded up.
#include "step_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "imgring/codec/blur.h"
#include "imgring/codec/sharpen.h"
#include "steps/mark_place.h"

namespace imgring::pipeline {
namespace {

using url::Gravity;

// By the largest sides the formats hold both axes shrink.
double format_scale(ImageType type, Size size) {
  const format::Largest& most = facts_of(type).largest;
  const double longest = std::max(size.width, size.height);
  const double side = longest > most.fitted_side ? 1 / (longest / most.fitted_side) : 1;
  const double shrink = static_cast<double>(size.width) * size.height / most.fitted_pixels;
  return std::min(shrink > 1 ? std::sqrt(1 / shrink) : 1, side);
}

// Sums stay within int: libvips refuses canvases past ten million a side.
int sum(int a, int b, int c) {
  constexpr std::int64_t kMax = std::numeric_limits<int>::max();
  return static_cast<int>(std::min(kMax, std::int64_t{a} + b + c));
}

void make_trim(StepMaker& m) {
  const url::PixelOptions& o = m.options();
  if (!o.trim.on || m.in().trimmed || m.in().frames > 1) return;
  m.plan().depends_on_pixels = true;
  m.add(StepKind::kTrim, m.size());
}

void make_to_processing(StepMaker& m) {
  if (!m.in().chained()) m.add(StepKind::kToProcessing, m.size());
}

void make_crop(StepMaker& m) {
  const url::PixelOptions& o = m.options();
  Gravity gravity =
      adjust_gravity(m.plan().crop_gravity, o.rotate, o.flip_horizontal, o.flip_vertical);
  gravity = adjust_gravity(gravity, m.plan().turn.angle, m.plan().turn.flip, false);
  Size to{m.plan().geometry.crop_width, m.plan().geometry.crop_height};
  if (m.turned()) std::swap(to.width, to.height);
  m.cut(StepKind::kCrop, to, gravity, 1);
}

void make_scale(StepMaker& m) {
  double w = m.plan().geometry.width_scale;
  double h = m.plan().geometry.height_scale;
  if (w == 1 && h == 1) return;
  if (m.turned()) std::swap(w, h);
  Step& step = m.add(StepKind::kScale, {resized(m.size().width, w), resized(m.size().height, h)});
  step.width_scale = w;
  step.height_scale = h;
}

void make_turn(StepMaker& m) {
  const url::PixelOptions& o = m.options();
  const bool any = m.plan().turn.angle % 360 != 0 || o.rotate % 360 != 0 || m.plan().turn.flip ||
                   o.flip_horizontal || o.flip_vertical;
  if (!any) return;
  m.add(StepKind::kTurn, m.turned() ? Size{m.size().height, m.size().width} : m.size());
}

void make_result_crop(StepMaker& m) {
  const url::PixelOptions& o = m.options();
  const Geometry& g = m.plan().geometry;
  m.cut(StepKind::kResultCrop, {g.result_crop_width, g.result_crop_height}, o.gravity, g.dpr);
}

bool changes_colours(const url::PixelOptions& o) noexcept {
  return o.brightness != 0 || o.contrast != 1 || o.saturation != 1 || o.monochrome.intensity > 0 ||
         o.duotone.intensity > 0;
}

bool unsharp_masks(const StepMaker& m) {
  const url::PixelOptions& o = m.options();
  if (o.unsharp.mode == config::UnsharpMode::kAuto) return m.plan().reduces && o.sharpen == 0;
  return o.unsharp.mode == config::UnsharpMode::kAlways;
}

void make_filters(StepMaker& m) {
  const url::PixelOptions& o = m.options();
  const bool unsharp = unsharp_masks(m);
  if (o.blur == 0 && o.sharpen == 0 && o.pixelate <= 1 && !unsharp && !changes_colours(o)) return;
  m.add(StepKind::kFilters, m.size()).unsharp = unsharp;
}

void make_blur_areas(StepMaker& m) {
  const url::BlurAreas& blur = m.options().blur_areas;
  if (blur.sigma > 0 && !blur.areas.empty()) m.add(StepKind::kBlurAreas, m.size());
}

void make_progressive_blur(StepMaker& m) {
  if (m.options().progressive_blur.sigma > 0) m.add(StepKind::kProgressiveBlur, m.size());
}

void make_extend(StepMaker& m) {
  const url::PixelOptions& o = m.options();
  const Geometry& g = m.plan().geometry;
  if (!o.extend.on) return;
  m.put_on_canvas(StepKind::kExtend, {g.target_width, g.target_height}, o.extend.gravity);
}

void make_extend_aspect_ratio(StepMaker& m) {
  const url::PixelOptions& o = m.options();
  const Geometry& g = m.plan().geometry;
  if (!o.extend_aspect_ratio.on) return;
  if (g.extend_ar_width == 0 || g.extend_ar_height == 0) return;
  m.put_on_canvas(StepKind::kExtendAspectRatio, {g.extend_ar_width, g.extend_ar_height},
                  o.extend_aspect_ratio.gravity);
}

void make_padding(StepMaker& m) {
  const url::PixelOptions& o = m.options();
  const auto& pad = o.padding;
  if (pad.top <= 0 && pad.right <= 0 && pad.bottom <= 0 && pad.left <= 0) return;
  const double dpr = m.plan().geometry.dpr;
  const int left = scaled_even(pad.left, dpr);
  const int top = scaled_even(pad.top, dpr);
  const Size before = m.size();
  const Size canvas{sum(before.width, left, scaled_even(pad.right, dpr)),
                    sum(before.height, top, scaled_even(pad.bottom, dpr))};
  m.add(StepKind::kPadding, canvas).area = {left, top, before.width, before.height};
}

// What the format holds counts for what is saved.
void make_fix_size(StepMaker& m) {
  if (!m.in().last()) return;
  const double factor = format_scale(m.in().result_type, m.size());
  if (factor == 1) return;
  Step& step = m.add(StepKind::kFixSize,
                     {resized(m.size().width, factor), resized(m.size().height, factor)});
  step.width_scale = step.height_scale = factor;
}

// A background that is there in part, which may leave the result transparent.
bool faint_background(const url::PixelOptions& o) noexcept {
  return o.background && o.background_alpha < 1;
}

void make_flatten(StepMaker& m) {
  const url::PixelOptions& o = m.options();
  if (faint_background(o)) return;
  if (o.background || (m.in().last() && !facts_of(m.in().result_type).alpha))
    m.add(StepKind::kFlatten, m.size());
}

void make_background(StepMaker& m) {
  if (faint_background(m.options())) m.add(StepKind::kBackground, m.size());
}

void make_colorize(StepMaker& m) {
  if (m.options().colorize.opacity > 0) m.add(StepKind::kColorize, m.size());
}

void make_gradient(StepMaker& m) {
  if (m.options().gradient.opacity > 0) m.add(StepKind::kGradient, m.size());
}

void make_watermark(StepMaker& m) {
  const url::PixelOptions& o = m.options();
  const bool any = m.in().mark() != nullptr || o.watermark.fetched() || o.watermark.written();
  if (any && o.watermark.opacity != 0) m.add(StepKind::kWatermark, m.size());
}

StepCost nothing(const StepFacts&) { return {}; }

// libvips looks for a trim through a median of the whole picture.
StepCost cost_of_trim(const StepFacts&) { return {.copies = 2, .ns = 150, .least_ns = 75}; }

StepCost cost_of_crop(const StepFacts& f) {
  return f.step.smart ? StepCost{.copies = 1, .ns = 9, .least_ns = 4} : StepCost{};
}

StepCost cost_of_turn(const StepFacts&) { return {.copies = 1, .ns = 2, .least_ns = 1}; }

// The masks grow with sigma. Those of a large blur no longer go by vectors before libvips 8.15, and
// do for as little as those of a small one from it on; a large sharpening is done in strips, and
// does the rows around each strip again.
constexpr double kLargeSigma = 20;
constexpr double kBlurNs = 4, kLargeBlurNs = 9, kSharpenNs = 15, kLargeSharpenNs = 45;
StepCost blur_cost(double sigma) {
  if (sigma == 0) return {};
  return {.ns = 10 + sigma * (sigma <= kLargeSigma ? kBlurNs : kLargeBlurNs),
          .least_ns = 5 + sigma * kBlurNs / 2};
}
StepCost sharpen_cost(double sigma) {
  if (sigma == 0) return {};
  return {.ns = 75 + sigma * (sigma <= kLargeSigma ? kSharpenNs : kLargeSharpenNs),
          .least_ns = 37 + sigma * kSharpenNs / 2};
}

// Native (codec/sharpen.h): what changes no pixel takes 11 of a photo's megapixel, what changes
// most of them 50. codec/blur.h takes about 10 and 1 for each sigma.
constexpr double kRowsSharpenNs = 20, kRowsSharpenSigmaNs = 8, kRowsBlurNs = 10,
                 kRowsBlurSigmaNs = 2;
constexpr double kRowsLeastNs = 5;
bool natively_filtered(const StepFacts& f) {
  const url::PixelOptions& o = f.in.pixels();
  const ImageType type = f.in.facts.type;
  const bool one_pass = f.in.options->pipelines.size() == 1 && !f.in.trimmed && saved_once(f.in);
  return one_pass && filters_by_rows(o, f.step, f.before.width) && !f.in.facts.alpha &&
         (type == ImageType::kJpeg || type == ImageType::kPng);
}
StepCost cost_of_rows(const url::PixelOptions& o) {
  StepCost cost{.copies = 2, .ns = 0, .least_ns = kRowsLeastNs};
  if (o.blur > 0) cost.ns += kRowsBlurNs + o.blur * kRowsBlurSigmaNs;
  if (o.sharpen > 0) cost.ns += kRowsSharpenNs + o.sharpen * kRowsSharpenSigmaNs;
  return cost;
}

// Of the filters that change colours, and unsharp masking.
constexpr double kUnsharpNs = 25, kTableNs = 3, kSaturationNs = 120, kTonesNs = 12;

StepCost cost_of_filters(const StepFacts& f) {
  const url::PixelOptions& o = f.in.pixels();
  if (natively_filtered(f)) return cost_of_rows(o);
  constexpr double kPixelate = 2;
  // What the steps bound it to.
  const StepCost blur = blur_cost(std::min(o.blur, kBlurSigmaMax));
  const StepCost sharpen = sharpen_cost(std::min(o.sharpen, kSharpenSigmaMax));
  const double colours =
      (f.step.unsharp ? kUnsharpNs : 0) + (o.brightness != 0 || o.contrast != 1 ? kTableNs : 0) +
      (o.saturation != 1 ? kSaturationNs : 0) + (o.monochrome.intensity > 0 ? kTonesNs : 0) +
      (o.duotone.intensity > 0 ? kTonesNs : 0);
  return {.copies = filters_hold_copies(o, f.step) ? 2 : 0,
          .ns = blur.ns + sharpen.ns + (o.pixelate > 1 ? kPixelate : 0) + colours,
          .least_ns = blur.least_ns + sharpen.least_ns + colours / 4};
}

// Areas with what of the picture around them is read, which is up to all of it for each.
StepCost cost_of_blur_areas(const StepFacts& f) {
  const url::BlurAreas& o = f.in.pixels().blur_areas;
  constexpr double kReach = 6;  // sigmas, both sides together
  const double reach = kReach * std::min(o.sigma, kBlurSigmaMax);
  const auto share = [reach](double part, int side) {
    return std::min(1.0, part + reach / std::max(1, side));
  };
  double read = 0;
  for (const url::RelativeArea& area : o.areas) {
    // A cut or a turn before may make any of its sides any part of what is left.
    const url::PixelOptions& all = f.in.pixels();
    const bool cut = all.crop.width > 0 || all.crop.height > 0 || all.trim.on || f.in.trimmed ||
                     all.crop_aspect_ratio.ratio > 0 ||
                     all.resizing_type != url::ResizingType::kFit;
    const double width = cut ? 1 : std::max(area.width, area.height);
    read += share(width, f.before.width) * share(width, f.before.height);
  }
  constexpr double kCopyNs = 2;
  return {.copies = 3, .ns = kCopyNs + read * blur_cost(std::min(o.sigma, kBlurSigmaMax)).ns};
}

// Eight blurs, of 1 to 8 eighths of the sigma: a large one reads all of the picture for each strip.
StepCost cost_of_progressive_blur(const StepFacts& f) {
  const double sigma = std::min(f.in.pixels().progressive_blur.sigma, kBlurSigmaMax);
  constexpr double kMixNs = 20;
  constexpr int kBlurs = 8;
  StepCost cost{.copies = 4, .ns = kMixNs};
  for (int i = 1; i <= kBlurs; ++i) cost.ns += blur_cost(sigma * i / kBlurs).ns;
  return cost;
}

StepCost cost_of_background(const StepFacts&) { return {.ns = 10, .least_ns = 2}; }
StepCost cost_of_colorize(const StepFacts&) { return {.ns = 6, .least_ns = 1}; }
StepCost cost_of_gradient(const StepFacts&) { return {.ns = 12, .least_ns = 2}; }

StepCost cost_of_canvas(const StepFacts&) { return {.ns = 5, .least_ns = 2}; }

// A mark of a tenth of the picture's area, and one over all of it; and what making it takes, which
// is in bytes and time by itself (mark_cost.h).
StepCost cost_of_watermark(const StepFacts& f) {
  const url::Watermark& mark = f.in.pixels().watermark;
  const bool large = mark.scale > 0 || mark.width > 0 || mark.height > 0 || steps::is_tiled(mark);
  return {.copies = 1, .ns = large ? 75.0 : 15.0, .least_ns = large ? 37.0 : 7.0};
}

// What the scale takes is in the decoders' constants, which were measured with it.
constexpr StepRow kRows[] = {
    {StepKind::kTrim, make_trim, cost_of_trim},
    {StepKind::kToProcessing, make_to_processing, nothing, Content::kKept},
    {StepKind::kCrop, make_crop, cost_of_crop},
    {StepKind::kScale, make_scale, nothing, Content::kKept},
    {StepKind::kTurn, make_turn, cost_of_turn, Content::kKept},
    {StepKind::kResultCrop, make_result_crop, cost_of_crop},
    {StepKind::kFilters, make_filters, cost_of_filters},
    {StepKind::kBlurAreas, make_blur_areas, cost_of_blur_areas},
    {StepKind::kProgressiveBlur, make_progressive_blur, cost_of_progressive_blur},
    {StepKind::kExtend, make_extend, cost_of_canvas},
    {StepKind::kExtendAspectRatio, make_extend_aspect_ratio, cost_of_canvas},
    {StepKind::kPadding, make_padding, cost_of_canvas},
    {StepKind::kFixSize, make_fix_size, nothing, Content::kKept},
    {StepKind::kFlatten, make_flatten, nothing, Content::kKept},
    {StepKind::kBackground, make_background, cost_of_background},
    {StepKind::kColorize, make_colorize, cost_of_colorize},
    {StepKind::kGradient, make_gradient, cost_of_gradient},
    {StepKind::kWatermark, make_watermark, cost_of_watermark},
};
consteval bool one_row_each() {
  if (std::size(kRows) != kStepKindCount) return false;
  for (std::size_t i = 0; i < kStepKindCount; ++i) {
    if (index_of(kRows[i].kind) != i) return false;
  }
  return true;
}
static_assert(one_row_each(), "a row for each kind, in the order of IMGRING_STEPS");

}  // namespace

double blur_ns(double sigma) noexcept { return blur_cost(std::min(sigma, kBlurSigmaMax)).ns; }

bool filters_change_colours(const url::PixelOptions& o) noexcept {
  return o.brightness != 0 || o.contrast != 1 || o.saturation != 1 || o.monochrome.intensity > 0 ||
         o.duotone.intensity > 0;
}

bool filters_by_rows(const url::PixelOptions& o, const Step& step, int width) noexcept {
  return width <= kFilteredWidthMax && !step.unsharp && !filters_change_colours(o) &&
         o.pixelate <= 1 && o.blur <= codec::kBlurRowsSigmaMax &&
         o.sharpen <= codec::kSharpenRowsSigmaMax;
}

bool filters_hold_copies(const url::PixelOptions& o, const Step& step) noexcept {
  return o.blur > 0 || o.sharpen > 0 || o.pixelate > 1 || step.unsharp;
}

const StepRow& row_of(StepKind kind) noexcept { return kRows[index_of(kind)]; }

}  // namespace imgring::pipeline
