// The conditions one after the other; EXIF's and the options' turns become one.
#include "native.h"

#include "imgring/image/colour.h"

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
NativeTurn turn_of(const Turn& exif, const url::PixelOptions& o) noexcept {
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
  JobMaker(const Plan& plan, const PlanInput& input) noexcept : plan_(plan), input_(input) {
    job_.source_type = plan.loaded.type;
    job_.result_type = plan.result_type;
    job_.shrink = plan.load.shrink;
    job_.loaded_width = plan.loaded.width;
    job_.loaded_height = plan.loaded.height;
    job_.across = part(0, plan.loaded.width);
    job_.down = part(0, plan.loaded.height);
  }

  // False: a step that is not done here.
  bool add(const Step& step) noexcept {
    switch (step.kind) {
      case StepKind::kToProcessing: return true;
      case StepKind::kCrop:
        job_.across = part(step.area.left, step.area.width);
        job_.down = part(step.area.top, step.area.height);
        return !step.smart;
      case StepKind::kScale:
        job_.resized = true;
        return !input_.config->use_linear_colorspace &&
               resize_axis(&job_.across, step.after.width, step.width_scale) &&
               resize_axis(&job_.down, step.after.height, step.height_scale);
      case StepKind::kTurn: job_.turn = turn_of(plan_.turn, input_.pixels()); return true;
      case StepKind::kResultCrop: cut_result(&job_, step.area); return !step.smart;
      case StepKind::kFlatten: flatten(); return true;
      default: return false;
    }
  }
  const NativeJob& job() const noexcept { return job_; }

 private:
  void flatten() noexcept {
    constexpr url::Color kWhite{255, 255, 255};
    if (!plan_.loaded.alpha) return;
    const url::Color c = input_.pixels().background.value_or(kWhite);
    job_.background = {c.r, c.g, c.b};
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
  return input.result_type == ImageType::kPng ||
         quality_for(input.result_type, *input.options, *input.config) >= kQualityMin;
}

bool possible(const Plan& plan, const PlanInput& input) noexcept {
  const ImageType from = plan.loaded.type, to = plan.result_type;
  const bool source =
      (from == ImageType::kJpeg || from == ImageType::kPng) && input.facts.type == from;
  const bool result = to == ImageType::kJpeg || to == ImageType::kWebp || to == ImageType::kPng;
  const bool one_picture = plan.frames == 1 && !plan.depends_on_pixels && !input.trimmed;
  const bool interlaced = from == ImageType::kPng && plan.loaded.whole_decode;
  // A result that has to fit is written several times.
  return source && result && one_picture && !interlaced && plan.load.scale == 1 &&
         input.options->max_bytes == 0;
}

}  // namespace

std::optional<NativeJob> native_job(const Plan& plan, const PlanInput& input) noexcept {
  if (!possible(plan, input) || !worthwhile(input)) return std::nullopt;
  JobMaker maker(plan, input);
  for (const Step& step : plan.steps) {
    if (!maker.add(step)) return std::nullopt;
  }
  return maker.job();
}

bool has_native_pixels(VipsImage* loaded) noexcept {
  const int bands = vips_image_get_bands(loaded);
  const VipsInterpretation wanted = bands >= 3 ? VIPS_INTERPRETATION_sRGB : VIPS_INTERPRETATION_B_W;
  const bool plain = bands >= 1 && bands <= codec::kBandsMax &&
                     vips_image_get_format(loaded) == VIPS_FORMAT_UCHAR &&
                     vips_image_get_coding(loaded) == VIPS_CODING_NONE &&
                     vips_image_get_interpretation(loaded) == wanted;
  if (!plain || image::profile_imported(loaded)) return false;
  if (vips_image_get_typeof(loaded, VIPS_META_ICC_NAME) == 0) return true;
  return bands >= 3 && image::has_standard_srgb_profile(loaded);
}

bool take_pixels(NativeJob* job, VipsImage* loaded) noexcept {
  if (!has_native_pixels(loaded)) return false;
  job->bands = vips_image_get_bands(loaded);
  if (job->bands > 2 || !job->background) return true;
  // Grey on a colour becomes colour.
  const auto& under = *job->background;
  return under[0] == under[1] && under[0] == under[2];
}

}  // namespace imgring::pipeline
