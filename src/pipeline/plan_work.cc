// Times by the rows of formats and steps, and what neither can know alone.
// The constants are CPU time of tests/bench/work_bench 3 p16.jpg (a photo of 4 MP),
// Debian 12's libraries and imgproxy's default qualities and speeds, rounded.
#include "imgring/pipeline/plan_work.h"

#include <algorithm>
#include <iterator>

#include "imgring/image/native.h"
#include "mark_cost.h"
#include "quality_search.h"
#include "step_rows.h"

namespace imgring::pipeline {
namespace {

using std::chrono::microseconds;

// A picture that encodes for longer than this is patient: the 500 pixel JPEG, PNG or WebP of a web
// page is not, be it upright (a WebP of 500 x 750 takes 45 ms). The patient lane has a quarter of
// the processors: 2 of 24 photos in it made four fifths of WebP's p99.
constexpr microseconds kQuickEncode = std::chrono::milliseconds(50);
// And so is the smallest AVIF: its encoder takes 30 ms for any picture, and starts threads.
constexpr microseconds kQuickStart = std::chrono::milliseconds(29);
// And so is one that takes longer than this in all: a progressive JPEG of 10 megapixels is not.
constexpr microseconds kQuickInAll = std::chrono::milliseconds(150);
// Setting up a job, whatever it is.
constexpr double kFixedUs = 300;

microseconds from_us(double us) noexcept {
  constexpr double kMost = 3600e6;  // an hour: nothing waits for longer
  // Also what is no number.
  return microseconds(static_cast<microseconds::rep>(us < kMost ? us : kMost));
}

microseconds decode_time(ImageType type, double pixels, bool whole) noexcept {
  const format::DecodeCost& cost = facts_of(type).decode;
  return from_us(kFixedUs + pixels * (whole ? cost.whole_ns : cost.ns) / 1e3);
}

// A PNG of a source with a palette: between flat icons (10 ms at 100 pixels a side, 24 at 300) and
// photos in 256 colours, which take a GIF's time.
constexpr format::EncodeCost kPalettePng{.ns = 400, .fixed_us = 10'000};

// What a vector draws is flat, and packs in a third of the time: shapes and text of 1000 x 1000.
constexpr double kFlatPngNs = 45;

struct Encoding {
  ImageType source, result;
  double pixels;
  const format::EncodeCost& cost;
};
microseconds encode_time(const Encoding& e) noexcept {
  const bool flat = e.result == ImageType::kPng && facts_of(e.source).vector;
  return from_us(e.cost.fixed_us + e.pixels * (flat ? kFlatPngNs : e.cost.ns) / 1e3);
}

// All saves that finding a quality or a format may take, and looks at what they made. With a bound
// on the bytes alone one is counted: how many it takes nobody knows.
microseconds time_of_trials(const PlanInput& in, double pixels) noexcept {
  constexpr double kCompareNs = 12;  // light and SSIM of a frame
  microseconds all(0);
  for (const ImageType type : types_tried(in)) {
    const Encoding encoding{in.facts.type, encoder_of(type, in), pixels, encode_cost(type, in)};
    const auto search = quality_search(type, pixels, *in.options, *in.config);
    microseconds one = encode_time(encoding);
    if (search && search->method == config::AutoqualityMethod::kDssim) {
      one += decode_time(type, pixels, false) + from_us(pixels * kCompareNs / 1e3);
    }
    all += one * (search ? trials_max(*search) : 1);
  }
  return all;
}

double area(int width, int height) noexcept { return static_cast<double>(width) * height; }

// HEIC of pictures that are rich in content: 14 photos of 1.3 MP took 1547 to 1755 where a JPEG of
// them had 0.2 bytes a pixel or more (quality 85), noise 1670; thinner ones 250 to 1590. Half of
// that, for processors that are twice as fast: over 11.6 MP for a timeout of 10 s.
constexpr double kRichHeicNs = 860;
constexpr double kRichBytesPerPixel = 0.2;
constexpr double kMetadataBytes = 256 << 10;  // of the file, may be no pixels'
// Below it the encoder leaves most of the content out, and is quicker.
constexpr int kRichQualityMin = 60;

bool keeps_content(const Plan& plan) noexcept {
  const auto kept = [](const Step& step) { return row_of(step.kind).content == Content::kKept; };
  const auto all_kept = [&kept](const Plan& one) { return std::ranges::all_of(one.steps, kept); };
  return all_kept(plan) && std::ranges::all_of(plan.later, all_kept);
}

// kCertain: the least, to where sizes are certain, which those behind a trim are not.
enum class Work : std::uint8_t { kExpected, kCertain };
double own_steps_ns(const Plan& plan, const PlanInput& in, Work work) noexcept {
  double ns = 0;
  Size before{plan.loaded.width, plan.loaded.height};
  for (const Step& step : plan.steps) {
    const double pixels =
        std::max(area(before.width, before.height), area(step.after.width, step.after.height));
    const StepCost cost = row_of(step.kind).cost({step, before, in});
    ns += pixels * (work == Work::kCertain ? cost.least_ns : cost.ns);
    if (work == Work::kCertain && step.kind == StepKind::kTrim) break;
    before = step.after;
  }
  return ns;
}

// Of a result of three samples, by lcms: out of sRGB, or of a profile of its own, and into another.
constexpr double kProfileNs = 60;
double profile_ns(const Plan& plan, const PlanInput& in) noexcept {
  if (in.profile == nullptr) return 0;
  return kProfileNs * area(plan.final_size().width, plan.final_size().height);
}

// Setting up a step's operations, which costs the same for any picture; those of a still picture's
// only pipeline are in kFixedUs.
constexpr double kStepSetUpNs = 60e3;
double set_up_ns(const Plan& plan) noexcept {
  const auto own = static_cast<double>(plan.steps.size());
  double steps = own * (plan.frames - 1);
  for (const Plan& later : plan.later) {
    steps += static_cast<double>(later.steps.size()) * plan.frames;
  }
  return steps * kStepSetUpNs;
}

// Of one pipeline's mark, which is made once for all frames.
double own_mark_ns(const Plan& plan, const PlanInput& in) noexcept {
  const bool shown = !plan.steps.empty() && plan.steps.back().kind == StepKind::kWatermark;
  return shown ? mark_ns(in, plan.result) : 0;
}

// Of the whole chain; a copy between two pipelines takes a ns or two for each pixel.
microseconds steps_time(const Plan& plan, const PlanInput& in, Work work) noexcept {
  constexpr double kCopyNs = 2;
  double ns = own_steps_ns(plan, in, work);
  double once_ns = 0;
  if (work == Work::kExpected) {
    ns += profile_ns(plan, in);
    once_ns += own_mark_ns(plan, in) + set_up_ns(plan);
  }
  bool certain = !plan.depends_on_pixels;
  for (std::size_t i = 0; i < plan.later.size(); ++i) {
    const Plan& later = plan.later[i];
    if (work == Work::kCertain && !certain) break;
    const PlanInput own = input_behind(in, in.pipeline + 1 + i, later.loaded);
    ns += own_steps_ns(later, own, work);
    if (work == Work::kExpected) {
      ns += kCopyNs * area(later.loaded.width, later.loaded.height);
      once_ns += own_mark_ns(later, own);
    }
    certain = certain && !later.depends_on_pixels;
  }
  return from_us((ns * plan.frames + once_ns) / 1e3);
}

bool is_rich(const Plan& plan, const PlanInput& in, std::size_t source_bytes) noexcept {
  const double pixels = area(in.facts.width, in.facts.height);
  const double bytes = static_cast<double>(source_bytes) - kMetadataBytes;
  return in.facts.type == ImageType::kJpeg && plan.frames == 1 &&
         bytes >= pixels * kRichBytesPerPixel &&
         area(plan.final_size().width, plan.final_size().height) <= pixels && keeps_content(plan) &&
         quality_for(ImageType::kHeic, *in.options, *in.config) >= kRichQualityMin;
}

}  // namespace

bool PlannedWork::patient() const noexcept {
  return start > kQuickStart || encode > kQuickEncode || all() > kQuickInAll;
}

PlannedWork planned_work(const Plan& plan, const PlanInput& in) noexcept {
  const SourceFacts& facts = facts_of(in.facts.type).vector ? plan.loaded : in.facts;
  const double pixels = area(facts.width, facts.height);
  // libvips takes as long for a PNG that is too large to be unpacked natively as for an interlaced.
  const bool large_png = in.facts.type == ImageType::kPng &&
                         pixels * in.facts.samples_per_pixel > image::kPngUnpackedBytesMax;
  const bool palette = plan.result_type == ImageType::kPng && keeps_palette(in) &&
                       !in.options->encoders.png_quantize;
  const double result = area(plan.final_size().width, plan.final_size().height) * plan.frames;
  const Encoding encoding{in.facts.type, encoder_of(plan.result_type, in), result,
                          palette ? kPalettePng : encode_cost(plan.result_type, in)};
  return {.decode = decode_time(in.facts.type, pixels * plan.frames + in.facts.skipped_pixels,
                                in.facts.whole_decode || large_png),
          .steps = steps_time(plan, in, Work::kExpected),
          .encode = saved_once(in) ? encode_time(encoding) : time_of_trials(in, result),
          .start = from_us(encoding.cost.fixed_us)};
}

namespace {

// What the encoder takes at least.
microseconds least_encode(const Plan& plan, const PlanInput& in,
                          std::size_t source_bytes) noexcept {
  if (plan.any_depends_on_pixels()) return microseconds(0);
  const ImageType result = encoder_of(plan.result_type, in);
  const bool rich = result == ImageType::kHeic && is_rich(plan, in, source_bytes);
  const double pixels = area(plan.final_size().width, plan.final_size().height) * plan.frames;
  return from_us(pixels * (rich ? kRichHeicNs : encode_cost(plan.result_type, in).least_ns) / 1e3);
}

}  // namespace

microseconds least_work(const Plan& plan, const PlanInput& in, std::size_t source_bytes) noexcept {
  return least_encode(plan, in, source_bytes) + steps_time(plan, in, Work::kCertain);
}

PlannedWork planned_work(const UnreadSource& unread) noexcept {
  const Encoding encoding{
      unread.source, unread.result, unread.result_pixels > 0 ? unread.result_pixels : unread.pixels,
      unread.encode != nullptr ? *unread.encode : facts_of(unread.result).encode};
  return {.decode = decode_time(unread.source, unread.pixels, false),
          .encode = encode_time(encoding),
          .start = from_us(encoding.cost.fixed_us)};
}

}  // namespace imgring::pipeline
