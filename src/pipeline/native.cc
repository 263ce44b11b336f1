// The conditions one after the other; EXIF's and the options' turns become one.
#include "native.h"

#include <algorithm>
#include <span>

#include "imgring/image/colour.h"
#include "imgring/image/shelter.h"
#include "save_result.h"
#include "step_rows.h"

namespace imgring::pipeline {
namespace {

using codec::ResizeAxis;
using image::NativeJob;
using image::NativeTurn;

constexpr image::NativeTurn kQuarterTurns[] = {
    {false, false, false}, {true, false, true}, {false, true, true}, {true, true, false}};

// `then` behind `first`. Flips of the second are seen through the first's transposition.
NativeTurn both(const NativeTurn& first, const NativeTurn& then) noexcept {
  const bool x = first.transposed ? then.flipped_y : then.flipped_x;
  const bool y = first.transposed ? then.flipped_x : then.flipped_y;
  return {first.transposed != then.transposed, first.flipped_x != x, first.flipped_y != y};
}

// EXIF's angle and flip, then the options': the order of steps::turn.
NativeTurn native_turn(const Turn& exif, const url::PixelOptions& o) noexcept {
  NativeTurn turn = kQuarterTurns[exif.angle / 90 % 4];
  turn = both(turn, {false, exif.flip, false});
  turn = both(turn, kQuarterTurns[o.rotate / 90 % 4]);
  return both(turn, {false, o.flip_horizontal, o.flip_vertical});
}

// The whole of an axis, or a part of it, as it is.
ResizeAxis part(int offset, int size) noexcept { return {offset, size, size, 1, 0, size}; }

bool resize_axis(ResizeAxis* axis, int resized, double scale) noexcept {
  axis->resized = axis->count = resized;
  axis->shrink = 1 / scale;
  return scale <= 1 && codec::box_of(*axis) <= codec::kBoxMax;
}

// `first` of a turned axis counts from its other end.
void cut_axis(ResizeAxis* axis, int first, int count, bool flipped) noexcept {
  axis->first = flipped ? axis->count - first - count : first;
  axis->count = count;
}

void cut_result(NativeJob* job, Area area) noexcept {
  if (job->turn.transposed) area = {area.top, area.left, area.height, area.width};
  cut_axis(&job->across, area.left, area.width, job->turn.flipped_x);
  cut_axis(&job->down, area.top, area.height, job->turn.flipped_y);
}

class JobMaker {
 public:
  JobMaker(const Plan& plan, const PlanInput& input, const NativePixels& pixels) noexcept
      : plan_(plan), input_(input) {
    job_.source_type = plan.loaded.type;
    job_.result_type = plan.result_type;
    job_.bands = pixels.bands;
    job_.shrink = plan.load.shrink;
    job_.loaded_width = plan.loaded.width;
    job_.loaded_height = plan.loaded.height;
    job_.across = part(0, plan.loaded.width);
    job_.down = part(0, plan.loaded.height);
  }

  // False: a step that is not done here; the job is as it was.
  bool add(const Step& step) noexcept {
    NativeJob next = job_;
    if (!add_to(&next, step)) return false;
    job_ = next;
    return true;
  }
  const NativeJob& job() const noexcept { return job_; }

 private:
  bool add_to(NativeJob* job, const Step& step) const noexcept {
    switch (step.kind) {
      case StepKind::kToProcessing: return true;
      case StepKind::kCrop:
        job->across = part(step.area.left, step.area.width);
        job->down = part(step.area.top, step.area.height);
        return !step.smart;
      case StepKind::kScale:
        job->resized = true;
        return !input_.config->use_linear_colorspace &&
               input_.pixels().resizing_algorithm == url::ResizingAlgorithm::kLanczos3 &&
               resize_axis(&job->across, step.after.width, step.width_scale) &&
               resize_axis(&job->down, step.after.height, step.height_scale);
      case StepKind::kTurn: job->turn = native_turn(plan_.turn, input_.pixels()); return true;
      case StepKind::kResultCrop: cut_result(job, step.area); return !step.smart;
      case StepKind::kFilters: return filter(job, step);
      case StepKind::kFlatten: return flatten(job);
      default: return false;
    }
  }

  bool filter(NativeJob* job, const Step& step) const noexcept {
    const url::PixelOptions& o = input_.pixels();
    job->blur = o.blur < kBlurSigmaMin ? 0 : o.blur;
    job->sharpen = o.sharpen;
    return job->bands == 3 && filters_by_rows(o, step, job->result_width());
  }

  bool flatten(NativeJob* job) const noexcept {
    constexpr url::Color kWhite{255, 255, 255};
    if (!job->alpha()) return true;
    const url::Color c = input_.pixels().background.value_or(kWhite);
    job->background = {c.r, c.g, c.b};
    // Grey on a colour becomes colour.
    return job->bands > 2 || (c.r == c.g && c.r == c.b);
  }

  const Plan& plan_;
  const PlanInput& input_;
  NativeJob job_;
};

// Below this both ways take the same few tenths of a millisecond, and pixels that are all edges
// show that libvips rounds its weights more coarsely: there we answer with its pixels.
constexpr std::int64_t kSourcePixelsMin = 256 * 256;
// Coarser quantisation than this makes whole blocks out of a level's difference.
constexpr int kQualityMin = 20;

bool worthwhile(const PlanInput& input) noexcept {
  const std::int64_t pixels = std::int64_t{input.facts.width} * input.facts.height;
  if (pixels < kSourcePixelsMin) return false;
  return !facts_of(input.result_type).quality ||
         quality_for(input.result_type, *input.options, *input.config) >= kQualityMin;
}

// A WebP that is made smaller as it is loaded.
bool reads_webp(const Plan& plan, const PlanInput& input) noexcept {
  const SourceFacts& f = input.facts;
  const bool still = f.pages == 1 && !f.animated;
  const bool here = !image::loaded_by_child(plan.loaded.type, input.config->sandbox);
  return still && here && plan.load.scale < 1;
}

bool readable(const Plan& plan, const PlanInput& input) noexcept {
  const ImageType from = plan.loaded.type;
  if (input.facts.type != from) return false;
  if (from == ImageType::kWebp) return reads_webp(plan, input);
  return (from == ImageType::kJpeg || from == ImageType::kPng) && plan.load.scale == 1;
}

bool possible(const Plan& plan, const PlanInput& input) noexcept {
  const ImageType from = plan.loaded.type;
  const bool one_picture =
      plan.frames == 1 && plan.later.empty() && !plan.depends_on_pixels && !input.trimmed;
  const bool interlaced = from == ImageType::kPng && plan.loaded.whole_decode;
  // A result that is tried is written several times, and a byte more or less picks it.
  return readable(plan, input) && one_picture && !interlaced && saved_once(input);
}

// What is written from rows, of colours that stay as they are or are made sRGB here.
bool can_be_whole(const Plan& plan, const PlanInput& input, const NativePixels& pixels) noexcept {
  const ImageType to = plan.result_type;
  const bool result = to == ImageType::kJpeg || to == ImageType::kWebp || to == ImageType::kPng;
  const bool colours = !pixels.profile || pixels.matrix != nullptr || keeps_profile(input);
  if (input.profile != nullptr) return false;
  return result && colours;
}

// GIF's dither, a palette's too, and JPEG XL's steps make three levels of one: there we answer with
// libvips' pixels.
bool takes_fronts(const Plan& plan, const PlanInput& input) noexcept {
  const ImageType by = encoder_of(plan.result_type, input);
  return by != ImageType::kGif && by != ImageType::kJxl;
}

std::int64_t bytes_of(const NativeJob& job) noexcept {
  return std::int64_t{job.result_width()} * job.result_height() * job.result_bands();
}

bool holds_scale(std::span<const Step> steps) noexcept {
  return std::ranges::find(steps, StepKind::kScale, &Step::kind) != steps.end();
}

}  // namespace

std::optional<NativePlan> native_plan(const Plan& plan, const PlanInput& input,
                                      const NativePixels& pixels) noexcept {
  if (!possible(plan, input) || !worthwhile(input)) return std::nullopt;
  JobMaker maker(plan, input, pixels);
  NativePlan made;
  while (made.steps < plan.steps.size() && maker.add(plan.steps[made.steps])) ++made.steps;
  made.job = maker.job();
  const auto rest = std::span(plan.steps).subspan(made.steps);
  made.whole = rest.empty() && can_be_whole(plan, input, pixels);
  const bool to_srgb = input.profile == nullptr && !keeps_profile(input);
  if (rest.empty() && to_srgb) made.job.profile = pixels.matrix;
  // Pixels that are yet to be scaled are as libvips decodes them.
  made.front =
      !holds_scale(rest) && takes_fronts(plan, input) && bytes_of(made.job) <= kFrontBytesMax;
  if (!made.whole && !made.front) return std::nullopt;
  return made;
}

std::optional<NativePixels> native_pixels(VipsImage* loaded) noexcept {
  const int bands = vips_image_get_bands(loaded);
  const VipsInterpretation wanted = bands >= 3 ? VIPS_INTERPRETATION_sRGB : VIPS_INTERPRETATION_B_W;
  const bool plain = bands >= 1 && bands <= codec::kBandsMax &&
                     vips_image_get_format(loaded) == VIPS_FORMAT_UCHAR &&
                     vips_image_get_coding(loaded) == VIPS_CODING_NONE &&
                     vips_image_get_interpretation(loaded) == wanted;
  if (!plain || image::profile_imported(loaded)) return std::nullopt;
  NativePixels pixels{.bands = bands, .profile = false, .matrix = nullptr};
  if (vips_image_get_typeof(loaded, VIPS_META_ICC_NAME) == 0) return pixels;
  pixels.profile = bands < 3 || !image::has_standard_srgb_profile(loaded);
  if (pixels.profile && bands >= 3) pixels.matrix = image::matrix_profile_of(loaded);
  return pixels;
}

double front_bytes(const Plan& plan, const PlanInput& input) noexcept {
  const NativePixels colour{.bands = plan.loaded.alpha ? 4 : 3, .profile = false, .matrix = {}};
  const auto native = native_plan(plan, input, colour);
  // Also where all of it may be native: a profile or metadata may show that it is not.
  return native && native->front ? static_cast<double>(bytes_of(native->job)) : 0;
}

}  // namespace imgring::pipeline
