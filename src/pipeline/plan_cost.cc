// Memory a job is expected to hold at most, from the plan: tables by format, and the rows of steps
// (decision 9). Owns nothing. Any thread. Promises: an estimate for admission, on the high side;
// not a limit.
#include <algorithm>

#include "imgring/image/native.h"
#include "imgring/pipeline/plan.h"
#include "step_rows.h"

namespace imgring::pipeline {
namespace {

// `whole`: bytes per source pixel that the decoder holds at once; `strips`: it streams, and holds
// this many rows. An interlaced PNG costs `interlaced` per source pixel instead, a JPEG in several
// scans its coefficients.
struct DecodeCost {
  ImageType type;
  double whole;
  int strip_rows;
  double interlaced;
};
constexpr DecodeCost kDecode[] = {
    {ImageType::kJpeg, 0, 64, 0},
    {ImageType::kPng, 0, 64, 8},    // 16 bit RGBA
    {ImageType::kWebp, 8, 0, 8},    // its ARGB or YUV and our RGBA
    {ImageType::kGif, 8, 0, 8},     // canvas and the frame before
    {ImageType::kIco, 8, 0, 8},     {ImageType::kBmp, 4, 0, 4},
    {ImageType::kSvg, 12, 0, 12},   // the child's tile twice and the pixels it gives
    {ImageType::kHeic, 10, 0, 10},  // YUV 4:4:4 at 16 bit and RGBA
    {ImageType::kAvif, 10, 0, 10},
    {ImageType::kJxl, 12, 0, 12},   // three float planes; 7 measured of 8 bits
    {ImageType::kTiff, 8, 0, 8},    // one strip may be the picture
};

// Bytes per result pixel that saving holds: a memory image where the saver needs one, and the
// encoder. `certain`: what every picture takes, however soft it is; more of that than there is for
// all plans together is refused before any work.
struct EncodeCost {
  ImageType type;
  double bytes, certain;
};
constexpr EncodeCost kEncode[] = {
    // Optimised Huffman tables: all coefficients; at 4:2:0 half as many as at 4:4:4.
    {ImageType::kJpeg, 6, 3},    {ImageType::kPng, 3, 2},    {ImageType::kWebp, 16, 10},
    {ImageType::kGif, 34, 20},   {ImageType::kIco, 8, 8},    {ImageType::kBmp, 5, 3},
    {ImageType::kHeic, 30, 20},  {ImageType::kAvif, 30, 20}, {ImageType::kJxl, 46, 30},
    {ImageType::kTiff, 10, 6},
};

constexpr double kBytesPerPixel = 4;

double area(int width, int height) noexcept { return static_cast<double>(width) * height; }

// What image/png_pixels.cc unpacks at once, and the packed pixels where they are in pieces; larger
// pictures go strip by strip.
double png_bytes(const SourceFacts& f) noexcept {
  constexpr double kWithPacked = 1.5;
  const double bytes = area(f.width, f.height) * f.samples_per_pixel;
  return bytes <= image::kPngUnpackedBytesMax ? bytes * kWithPacked : 0;
}

double decoder_bytes(const Plan& plan, const PlanInput& in) noexcept {
  const SourceFacts& f = in.facts;
  const auto* row = std::ranges::find(kDecode, f.type, &DecodeCost::type);
  if (row == std::end(kDecode)) return area(f.width, f.height) * kBytesPerPixel;
  if (facts_of(f.type).vector) {
    return area(plan.loaded.width, plan.loaded.height) * drawn_bytes_per_pixel(f.type);
  }
  const auto coefficients = static_cast<double>(coefficient_bytes(f));
  if (coefficients > 0) return coefficients;
  if (f.whole_decode) return area(f.width, f.height) * row->interlaced;
  if (row->whole > 0) return area(f.width, f.height) * row->whole;
  const double strips = area(f.width, std::min(f.height, row->strip_rows)) * kBytesPerPixel;
  return f.type == ImageType::kPng ? std::max(strips, png_bytes(f)) : strips;
}

// The largest picture that a step copies into memory.
double step_bytes(const Plan& plan, const PlanInput& in) noexcept {
  double most = 0;
  Size before{plan.loaded.width, plan.loaded.height};
  for (const Step& step : plan.steps) {
    const int copies = row_of(step.kind).cost({step, before, in}).copies;
    most = std::max(most, copies * kBytesPerPixel * area(before.width, before.height));
    before = step.after;
  }
  return most;
}

double joined_bytes(const Plan& plan) noexcept {
  if (plan.frames <= 1) return 0;
  return kBytesPerPixel * area(plan.result.width, plan.result.height) * plan.frames;
}

// Also what is no number.
std::int64_t whole_bytes(double bytes) noexcept {
  constexpr double kMost = 1e18;
  return static_cast<std::int64_t>(bytes < kMost ? bytes : kMost);
}

bool shows_watermark(const Plan& plan) noexcept {
  return !plan.steps.empty() && plan.steps.back().kind == StepKind::kWatermark;
}

// Savers of animations work on a frame at a time; what is packed already stays.
double encode_bytes(const Plan& plan, const PlanInput& in) noexcept {
  constexpr double kPackedBytesPerPixel = 1;
  const double frame = area(plan.result.width, plan.result.height);
  return encode_bytes_per_pixel(plan.result_type, in) * frame +
         kPackedBytesPerPixel * frame * (plan.frames - 1);
}

}  // namespace

ImageType encoder_of(ImageType result, const PlanInput& in) noexcept {
  const bool palette = in.facts.palette || in.config->png_quantize;
  return result == ImageType::kPng && palette ? ImageType::kGif : result;
}

double encode_bytes_per_pixel(ImageType result, const PlanInput& in) noexcept {
  const auto* row = std::ranges::find(kEncode, encoder_of(result, in), &EncodeCost::type);
  const double bytes = row == std::end(kEncode) ? kBytesPerPixel : row->bytes;
  return in.options->max_bytes > 0 ? bytes + kBytesPerPixel : bytes;
}

double drawn_bytes_per_pixel(ImageType vector) noexcept {
  const auto* row = std::ranges::find(kDecode, vector, &DecodeCost::type);
  return row == std::end(kDecode) ? kBytesPerPixel : row->whole;
}

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
  const auto* row = std::ranges::find(kEncode, encoder_of(result, in), &EncodeCost::type);
  return row == std::end(kEncode) ? kBytesPerPixel : row->certain;
}

std::int64_t certain_bytes(const Plan& plan, const PlanInput& in) noexcept {
  const double frame = area(plan.result.width, plan.result.height);
  const double drawn = facts_of(in.facts.type).vector
                           ? kBytesPerPixel * area(plan.loaded.width, plan.loaded.height)
                           : 0;
  return whole_bytes(drawn + step_bytes(plan, in) + joined_bytes(plan) +
                     certain_bytes_per_pixel(plan.result_type, in) * frame);
}

std::int64_t planned_bytes(const Plan& plan, const PlanInput& in) noexcept {
  // A copy goes when the next is made: neighbours overlap, so the largest counts twice.
  constexpr double kOverlap = 2;
  const double mark = shows_watermark(plan) ? static_cast<double>(in.watermark_bytes) : 0;
  return whole_bytes(decoder_bytes(plan, in) + step_bytes(plan, in) * kOverlap + mark +
                     joined_bytes(plan) + encode_bytes(plan, in));
}

}  // namespace imgring::pipeline
