// Memory a job is expected to hold at most, from the plan: the rows of formats and of steps
// (decision 9). Owns nothing. Any thread. Promises: an estimate for admission, on the high side;
// not a limit.
#include <algorithm>

#include "imgring/image/native.h"
#include "imgring/pipeline/plan.h"
#include "mark_cost.h"
#include "native.h"
#include "step_rows.h"

namespace imgring::pipeline {
namespace {

constexpr double kBytesPerPixel = 4;

double area(int width, int height) noexcept { return static_cast<double>(width) * height; }

// What image/png_pixels.cc unpacks at once, and the packed pixels where they are in pieces (as many
// of a noisy photo: tests/bench/memory_cost); larger pictures go strip by strip.
double png_bytes(const SourceFacts& f) noexcept {
  constexpr double kWithPacked = 2.2;
  const double bytes = area(f.width, f.height) * f.samples_per_pixel;
  return bytes <= image::kPngUnpackedBytesMax ? bytes * kWithPacked : 0;
}

// libjpeg-turbo's coefficients, as it may take over from our own decoder. That one holds more where
// nothing is made smaller: a word for each block, and rows filled up to sixteen MCUs, of 32 pixels
// at most.
double progressive_bytes(const Plan& plan, const PlanInput& in) noexcept {
  constexpr int kSetPixels = 512;
  constexpr double kWithHistory = 1 + 8.0 / 128;
  const auto whole = static_cast<double>(coefficient_bytes(in.facts));
  if (in.config->jpeg_decoder != config::JpegReader::kOwn || plan.load.shrink > 1) return whole;
  const int width = std::max(in.facts.width, 1);
  const double filled = (width + kSetPixels - 1) / kSetPixels * double{kSetPixels};
  return whole * (filled / width) * kWithHistory;
}

double decoder_bytes(const Plan& plan, const PlanInput& in) noexcept {
  const SourceFacts& f = in.facts;
  const format::Format& row = facts_of(f.type);
  if (row.vector) {
    return area(plan.loaded.width, plan.loaded.height) * drawn_bytes_per_pixel(f.type);
  }
  const double coefficients = progressive_bytes(plan, in);
  if (coefficients > 0) return coefficients;
  if (f.whole_decode) return area(f.width, f.height) * row.decode.whole_bytes;
  if (row.decode.bytes > 0) return area(f.width, f.height) * row.decode.bytes;
  const double strips = area(f.width, std::min(f.height, row.decode.strip_rows)) * kBytesPerPixel;
  return f.type == ImageType::kPng ? std::max(strips, png_bytes(f)) : strips;
}

// The largest picture that a step of one pipeline copies into memory.
double own_step_bytes(const Plan& plan, const PlanInput& in) noexcept {
  double most = 0;
  Size before{plan.loaded.width, plan.loaded.height};
  for (const Step& step : plan.steps) {
    const int copies = row_of(step.kind).cost({step, before, in}).copies;
    most = std::max(most, copies * kBytesPerPixel * area(before.width, before.height));
    before = step.after;
  }
  return most;
}

// Of all pipelines, with the copies between two of them.
double step_bytes(const Plan& plan, const PlanInput& in) noexcept {
  double most = own_step_bytes(plan, in);
  for (std::size_t i = 0; i < plan.later.size(); ++i) {
    const Plan& later = plan.later[i];
    const Size given{later.loaded.width, later.loaded.height};
    if (wants_memory(later))
      most = std::max(most, kBytesPerPixel * area(given.width, given.height));
    most =
        std::max(most, own_step_bytes(later, input_behind(in, in.pipeline + 1 + i, later.loaded)));
  }
  return most;
}

double joined_bytes(const Plan& plan) noexcept {
  if (plan.frames <= 1) return 0;
  return kBytesPerPixel * area(plan.final_size().width, plan.final_size().height) * plan.frames;
}

// Also what is no number.
std::int64_t whole_bytes(double bytes) noexcept {
  constexpr double kMost = 1e18;
  return static_cast<std::int64_t>(bytes < kMost ? bytes : kMost);
}

bool shows_watermark(const Plan& one) noexcept {
  return !one.steps.empty() && one.steps.back().kind == StepKind::kWatermark;
}

// Of a still picture one mark at a time, and rows of all, which are read side by side; those of an
// animation stay for all frames.
double marks_bytes(const Plan& plan, const PlanInput& in) noexcept {
  constexpr double kRowsReadAhead = 800;
  const auto kept_of = [&](Size shown) {
    const double rows =
        plan.frames > 1 ? shown.height : std::min<double>(kRowsReadAhead, shown.height);
    return kBytesPerPixel * shown.width * rows;
  };
  const bool chained = !plan.later.empty();
  double most = shows_watermark(plan) ? mark_bytes(in, plan.result) : 0;
  double kept = shows_watermark(plan) && chained ? kept_of(plan.result) : 0;
  for (std::size_t i = 0; i < plan.later.size(); ++i) {
    const Plan& later = plan.later[i];
    if (!shows_watermark(later)) continue;
    const PlanInput own = input_behind(in, in.pipeline + 1 + i, later.loaded);
    most = std::max(most, mark_bytes(own, later.result));
    kept += kept_of(later.result);
  }
  return most + kept;
}

// Savers of animations work on a frame at a time; what is packed already stays.
double encode_bytes(const Plan& plan, const PlanInput& in) noexcept {
  constexpr double kPackedBytesPerPixel = 1;
  const double frame = area(plan.final_size().width, plan.final_size().height);
  return encode_bytes_per_pixel(plan.result_type, in) * frame +
         kPackedBytesPerPixel * frame * (plan.frames - 1);
}

}  // namespace

// What few colours do to the encoders of the format `best` is known when there is a picture only.
bool may_pack_losslessly(const PlanInput& in) noexcept {
  return !in.candidates.empty() && in.config->best_format.complexity_threshold > 0;
}

bool adds_colours(const url::RequestOptions& options) noexcept {
  return std::ranges::any_of(options.pipelines, [](const url::PixelOptions& o) {
    return o.gradient.opacity > 0 || o.progressive_blur.sigma > 0 ||
           (o.blur_areas.sigma > 0 && !o.blur_areas.areas.empty());
  });
}

bool keeps_palette(const PlanInput& in) noexcept {
  return in.facts.palette && !adds_colours(*in.options);
}

ImageType encoder_of(ImageType result, const PlanInput& in) noexcept {
  const config::EncoderOptions& o = in.options->encoders;
  const bool palette =
      keeps_palette(in) || o.png_quantize || (may_pack_losslessly(in) && !o.png_given);
  return result == ImageType::kPng && palette ? ImageType::kGif : result;
}

std::vector<ImageType> types_tried(const PlanInput& in) {
  if (!in.candidates.empty()) return in.candidates;
  return {in.result_type};
}

namespace {

bool has_inks(const PlanInput& in) noexcept { return in.profile != nullptr && in.profile->cmyk; }

}  // namespace

const format::EncodeCost& encode_cost(ImageType result, const PlanInput& in) noexcept {
  const format::Format& row = facts_of(encoder_of(result, in));
  const config::EncoderOptions& o = in.options->encoders;
  const bool lossless =
      result == ImageType::kWebp && (o.webp_compression != config::WebpCompression::kLossy ||
                                     (may_pack_losslessly(in) && !o.webp_given));
  return lossless ? row.lossless : row.encode;
}

double encode_bytes_per_pixel(ImageType result, const PlanInput& in) noexcept {
  if (saved_once(in)) {
    // Inks are saved by libvips from memory, and have more coefficients.
    return encode_cost(result, in).bytes + (has_inks(in) ? 2 * kBytesPerPixel : 0);
  }
  // The picture, its best file so far and one that is tried; then an encoder, or the decoder of its
  // file.
  constexpr double kKeptBytes = kBytesPerPixel + 2.5;
  double most = 0;
  for (const ImageType type : types_tried(in)) {
    most = std::max({most, encode_cost(type, in).bytes, facts_of(type).decode.bytes});
  }
  return kKeptBytes + most;
}

double drawn_bytes_per_pixel(ImageType vector) noexcept { return facts_of(vector).decode.bytes; }

std::int64_t coefficient_bytes(const SourceFacts& facts) noexcept {
  if (facts.type != ImageType::kJpeg || !facts.whole_decode) return 0;
  constexpr double kBytesPerSample = 2;
  const double bytes = area(facts.width, facts.height) * facts.samples_per_pixel * kBytesPerSample;
  return static_cast<std::int64_t>(bytes);
}

std::int64_t decode_bytes(const Plan& plan, const PlanInput& in) noexcept {
  return whole_bytes(decoder_bytes(plan, in));
}

double certain_bytes_per_pixel(ImageType result, const PlanInput& in) noexcept {
  return encode_cost(result, in).certain_bytes;
}

std::int64_t certain_bytes(const Plan& plan, const PlanInput& in) noexcept {
  const double frame = area(plan.final_size().width, plan.final_size().height);
  const double drawn = facts_of(in.facts.type).vector
                           ? kBytesPerPixel * area(plan.loaded.width, plan.loaded.height)
                           : 0;
  return whole_bytes(drawn + step_bytes(plan, in) + joined_bytes(plan) +
                     certain_bytes_per_pixel(plan.result_type, in) * frame);
}

std::int64_t planned_bytes(const Plan& plan, const PlanInput& in) noexcept {
  // A copy goes when the next is made: neighbours overlap, so the largest counts twice.
  constexpr double kOverlap = 2;
  // The picture of a native front is the first of the copies.
  const double copies = std::max(step_bytes(plan, in) * kOverlap, front_bytes(plan, in));
  return whole_bytes(decoder_bytes(plan, in) + copies + marks_bytes(plan, in) + joined_bytes(plan) +
                     encode_bytes(plan, in));
}

}  // namespace imgring::pipeline
