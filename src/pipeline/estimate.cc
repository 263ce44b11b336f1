// Admission's estimate: sizes out of headers, then the plan's tables; where no header can be read,
// the size of the file and what the options make of it.
#include "imgring/pipeline/estimate.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "best_format.h"
#include "hashsum.h"
#include "imgring/format/headers.h"
#include "imgring/format/sniff.h"
#include "imgring/image/shelter.h"
#include "imgring/image/svg_check.h"
#include "imgring/pipeline/plan.h"
#include "imgring/svg/svg.h"
#include "load.h"
#include "pages.h"

namespace imgring::pipeline {
namespace {

// Where the header is libvips' business: decoded pixels against bytes of the file, with a floor for
// small files and a cap at what MAX_SRC_RESOLUTION lets through at most (50 MP at 4 bytes).
constexpr std::int64_t kBytesPerFileByte = 30;
constexpr std::int64_t kUnknownBytesMin = 4 << 20;
constexpr std::int64_t kUnknownBytesMax = 200 << 20;
constexpr double kBytesPerPixel = 4;

// A child that draws an SVG: itself (45 MB resident, most of it shared with the server; its
// allocator takes addresses in pieces of 32 MiB, and addresses are what it is limited by), and its
// tree of the source (a source of 6.3 MB and 150 000 elements: 335 MB); its limit is the most.
constexpr std::int64_t kSvgChildBytes = 32 << 20;
constexpr std::int64_t kSvgBytesPerFileByte = 60;
constexpr std::int64_t kSvgBytesMax = std::int64_t{1} << 30;
// One without a size, drawn as it is, is an icon.
constexpr double kUnknownVectorSide = 512;

// A child that works on other pictures: what it has for itself when it is ready, and two strips of
// pixels on their way.
constexpr std::int64_t kPictureChildBytes = 16 << 20;

std::int64_t size_of(const RenderJob& job) noexcept {
  return static_cast<std::int64_t>(job.source.size());
}

// Decoded pixels of a source whose header only libvips reads.
std::int64_t unread_bytes(const RenderJob& job) noexcept {
  return std::clamp(size_of(job) * kBytesPerFileByte, kUnknownBytesMin, kUnknownBytesMax);
}

// Of a picture whose size stands further back (TIFF, a JPEG behind long metadata): up to 12 MP may
// be packed well.
double unread_pixels(double size_bytes) noexcept {
  constexpr double kPackedWell = 400, kUsual = 12e6;
  return std::max(size_bytes * kBytesPerFileByte / kBytesPerPixel,
                  std::min(size_bytes * kPackedWell, kUsual));
}

// Pictures inside are decoded one after the other: the largest counts. A child took 7 to 9 bytes of
// addresses for each pixel of a JPEG or PNG, which librsvg reads, and up to 26 for one of WebP,
// AVIF and others, which become a JPEG or PNG before.
std::int64_t bytes_of_pictures_inside(const RenderJob& job) {
  constexpr double kReadBytes = 10, kConvertedBytes = 28;
  double most = 0;
  for (const svg::SvgInnerHead& head : svg::svg_inner_heads(job.source)) {
    const ByteSpan bytes = as_bytes(head.bytes);
    const ImageType type = format::detect_type(bytes, {}, {});
    // Fonts are not decoded, and an SVG's tree counts by its bytes.
    if (type == ImageType::kUnknown || type == ImageType::kSvg) continue;
    const auto known = format::facts_of_header(bytes, type, 1);
    const double pixels = known ? static_cast<double>(known->width) * known->height
                                : unread_pixels(static_cast<double>(head.size_bytes));
    const bool read = type == ImageType::kJpeg || type == ImageType::kPng;
    most = std::max(most, pixels * (read ? kReadBytes : kConvertedBytes));
  }
  return static_cast<std::int64_t>(std::min(most, static_cast<double>(kSvgBytesMax)));
}

// Reading the source takes a child its tree and time by the byte, whatever it draws.
void add_reading_of_vector(const RenderJob& job, Estimate* out) {
  out->bytes +=
      std::min(kSvgChildBytes + size_of(job) * kSvgBytesPerFileByte + bytes_of_pictures_inside(job),
               kSvgBytesMax);
  UnreadSource unread{.source = job.source_type};
  unread.pixels = static_cast<double>(size_of(job) * kBytesPerFileByte) / kBytesPerPixel;
  out->work.decode += planned_work(unread).decode;
  // A copy with a sheet in it, and one of it in UTF-8.
  constexpr std::int64_t kStyledCopies = 3;
  if (!job.options->style.empty()) out->bytes += size_of(job) * kStyledCopies;
}

// The source's own bytes, sanitised: its copy for expat, and the result twice.
Estimate without_processing(const RenderJob& job) {
  constexpr std::int64_t kCopies = 4;
  Estimate out;
  if (!facts_of(job.source_type).vector) return out;
  add_reading_of_vector(job, &out);
  out.bytes += size_of(job) * kCopies;
  return out;
}

// The info endpoint without pixels: a header is read, by a child where that opens such files.
Estimate of_header(const RenderJob& job) {
  Estimate out;
  if (facts_of(job.source_type).vector) add_reading_of_vector(job, &out);
  if (job.children != nullptr && image::loaded_by_child(job.source_type, job.config->sandbox)) {
    out.bytes += kPictureChildBytes;
  }
  return out;
}

// Any argument may have been multiplied by any other.
double bounded(double side) noexcept {
  constexpr double kMost = 1e9;
  return side < kMost ? side : kMost;  // also what is no number
}

// As large as the options can make a result without knowing the source; 0: as large as that is.
double pipeline_pixels(const url::RequestOptions& o, const url::PixelOptions& p,
                       bool vector) noexcept {
  constexpr double kDrawnMost = static_cast<double>(image::kSvgPixelBytesMax) / kBytesPerPixel;
  double width = bounded(std::max(p.width, p.min_width) * p.zoom_width * p.dpr);
  double height = bounded(std::max(p.height, p.min_height) * p.zoom_height * p.dpr);
  if (vector && width <= 0 && height <= 0) {
    width = bounded(kUnknownVectorSide * p.zoom_width * p.dpr);
    height = bounded(kUnknownVectorSide * p.zoom_height * p.dpr);
  }
  if (width <= 0 && height <= 0) return 0;
  if (width <= 0) width = height;
  if (height <= 0) height = width;
  width = bounded(width + p.padding.left * p.dpr + p.padding.right * p.dpr);
  height = bounded(height + p.padding.top * p.dpr + p.padding.bottom * p.dpr);
  const double longest = std::max(width, height);
  const double down = o.max_result_dimension > 0 && longest > o.max_result_dimension
                          ? o.max_result_dimension / longest
                          : 1;
  const double pixels = width * down * height * down;
  if (vector) return std::min(pixels, kDrawnMost);
  const bool grows = p.enlarge || p.extend.on || p.min_width > 0 || p.min_height > 0;
  return grows ? pixels : std::min(pixels, static_cast<double>(o.max_src_resolution));
}

// The largest of the chain.
double result_pixels(const url::RequestOptions& o, bool vector) noexcept {
  double most = 0;
  for (const url::PixelOptions& p : o.pipelines) {
    const bool drawn = vector && &p == &o.first();
    most = std::max(most, pipeline_pixels(o, p, drawn));
  }
  return most;
}

bool can_be_drawn(const SourceFacts& vector) noexcept {
  return std::max(vector.width, vector.height) <= kVectorSideMax &&
         static_cast<double>(vector.width) * vector.height * kBytesPerPixel <=
             static_cast<double>(image::kSvgPixelBytesMax);
}

PlanInput input_of(const RenderJob& job, const SourceFacts& facts) {
  PlanInput input;
  input.facts = facts;
  input.options = job.options;
  input.config = job.config;
  input.result_type = choose_format(facts, *job.options, *job.config).value_or(job.source_type);
  input.profile = profile_held(input.result_type, job.profile);
  input.configured_mark = job.watermark;
  input.fetched_marks = job.fetched_marks;
  if (facts.animated && facts_of(input.result_type).animation_save)
    input.frames = std::min(facts.pages, job.options->frames_max());
  if (input.frames == 1 && wants_best(*job.options, *job.config))
    set_candidates(best_candidates(input, job.abilities), &input);
  return input;
}

// A result's pixels go to its child in a memory file.
void add_child_of_pictures(const RenderJob& job, const PlanInput& input, double pixels,
                           Estimate* out) {
  if (job.children == nullptr) return;
  const bool loads = image::loaded_by_child(job.source_type, job.config->sandbox);
  const auto by_child = [&](ImageType type) {
    return image::saved_by_child(type, job.config->sandbox);
  };
  const bool saves = by_child(input.result_type) || std::ranges::any_of(input.candidates, by_child);
  if (loads || saves) out->bytes += kPictureChildBytes;
  constexpr double kMost = 1e18;
  const double file = saves ? pixels * kBytesPerPixel : 0;
  out->bytes += static_cast<std::int64_t>(file < kMost ? file : kMost);
}

enum class Unplanned : std::uint8_t { kUnknown, kRefused };  // the latter as soon as it runs

Estimate without_plan(const RenderJob& job, Unplanned why) {
  const bool vector = facts_of(job.source_type).vector;
  SourceFacts facts;
  facts.type = job.source_type;
  facts.alpha = vector;
  const PlanInput input = input_of(job, facts);
  const double result = why == Unplanned::kRefused ? 0 : result_pixels(*job.options, vector);
  double per_pixel = encode_bytes_per_pixel(input.result_type, input);
  Estimate out;
  UnreadSource unread{.source = job.source_type,
                      .result = encoder_of(input.result_type, input),
                      .result_pixels = result,
                      .encode = &encode_cost(input.result_type, input)};
  if (vector) {
    unread.pixels = result;
    per_pixel += drawn_bytes_per_pixel(job.source_type);
  } else {
    out.bytes = unread_bytes(job);
    unread.pixels = static_cast<double>(out.bytes) / kBytesPerPixel;
  }
  constexpr double kMost = 1e18;
  const auto whole = [](double bytes) {
    return static_cast<std::int64_t>(bytes < kMost ? bytes : kMost);
  };
  out.bytes += whole(result * per_pixel);
  out.certain_bytes = whole(result * certain_bytes_per_pixel(input.result_type, input));
  out.work = planned_work(unread);
  if (vector) add_reading_of_vector(job, &out);
  add_child_of_pictures(job, input, result, &out);
  return out;
}

}  // namespace

void measure(AuxImage* image) {
  const url::RequestOptions as_it_is;
  const config::ProcessingConfig config;
  RenderJob job;
  job.source = as_bytes(image->bytes);
  job.source_type = image->type;
  job.options = &as_it_is;
  job.config = &config;
  Estimate found;
  const std::optional<SourceFacts> known = read_facts(job.source, image->type, 1);
  if (known) {
    const bool turned = known->orientation >= 5;
    image->width = turned ? known->height : known->width;
    image->height = turned ? known->width : known->height;
    const PlanInput input = input_of(job, *known);
    const Plan plan = make_plan(input);
    found.bytes = decode_bytes(plan, input);
    found.work.decode = planned_work(plan, input).decode;
  } else {
    found.bytes = unread_bytes(job);
    UnreadSource unread{.source = image->type};
    unread.pixels = static_cast<double>(found.bytes) / kBytesPerPixel;
    found.work.decode = planned_work(unread).decode;
  }
  if (facts_of(image->type).vector) add_reading_of_vector(job, &found);
  image->decode_bytes = found.bytes;
  image->decode_ns = static_cast<double>(found.work.decode.count()) * 1e3;
}

namespace {

// Blocks of metadata with what is made of them, and the copies of a small picture that its colours
// are told of: 4 MB each way.
constexpr std::int64_t kInfoBytes = 4 << 20, kInfoPictureBytes = 12 << 20;

bool draws(const RenderJob& job) noexcept {
  if (facts_of(job.source_type).vector) return true;
  const auto drawn = [](const AuxImage* mark) {
    return mark != nullptr && facts_of(mark->type).vector;
  };
  const auto shown = [&](const url::PixelOptions& o) {
    return o.watermark.written() || (o.watermark.opacity > 0 && drawn(job.watermark));
  };
  return std::ranges::any_of(job.options->pipelines, shown) ||
         std::ranges::any_of(job.fetched_marks, drawn);
}

Estimate estimate_picture(const RenderJob& job, const std::optional<SourceFacts>& known) {
  if (job.info != nullptr && !job.info->options->wants_pixels()) return of_header(job);
  if (skips_processing(job.source_type, *job.options, *job.config)) return without_processing(job);
  if (!known) return without_plan(job, Unplanned::kUnknown);
  PlanInput input = input_of(job, *known);
  const PageRange pages = pages_wanted(*known, *job.options, *job.config);
  const bool readable = check_pages(*known, pages, *job.options).has_value();
  set_pages(&input.facts, pages, *known);
  if (pages.count > 1) input.facts.height = stacked_height(known->height, pages.count);
  if (!readable || !check_resolution(input.facts, input.frames, *job.options)) {
    return without_plan(job, Unplanned::kRefused);
  }
  apply_vector_guard(&input);
  const Plan plan = make_plan(input);
  const bool drawn = !facts_of(job.source_type).vector || can_be_drawn(plan.loaded);
  if (!drawn || !check_sizes(plan)) {
    return without_plan(job, Unplanned::kRefused);
  }
  Estimate out{.bytes = plan.planned_bytes,
               .certain_bytes = plan.certain_bytes,
               .work = planned_work(plan, input),
               .large = known->whole_decode && plan.planned_bytes >= kLargeDecodeBytes};
  out.work.least = least_work(plan, input, job.source.size());
  if (facts_of(job.source_type).vector) add_reading_of_vector(job, &out);
  const Size frame = plan.final_size();
  add_child_of_pictures(job, input, static_cast<double>(frame.width) * frame.height * plan.frames,
                        &out);
  return out;
}

}  // namespace

Estimate estimate(const RenderJob& job, const std::optional<SourceFacts>& known) {
  Estimate out = estimate_picture(job, known);
  out.work.decode += hashsum_time(job);
  out.drawn = draws(job);
  if (job.info == nullptr) return out;
  out.bytes += job.info->options->wants_pixels() ? kInfoBytes + kInfoPictureBytes : kInfoBytes;
  return out;
}

}  // namespace imgring::pipeline
