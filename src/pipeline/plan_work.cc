// See the header. The constants are CPU time of tests/bench/work_bench 3 p16.jpg (a photo of 4 MP),
// Debian 12's libraries and imgproxy's default qualities and speeds, rounded.
#include "imgring/pipeline/plan_work.h"

#include <algorithm>
#include <iterator>

#include "imgring/image/native.h"

namespace imgring::pipeline {
namespace {

using std::chrono::microseconds;

// A picture that encodes for longer than this is patient: the 500 pixel JPEG, PNG or WebP of a web
// page is not, the smallest AVIF is (its encoder takes 30 ms for any picture).
constexpr microseconds kQuickEncode = std::chrono::milliseconds(29);
// And so is one that takes longer than this in all: a progressive JPEG of 10 megapixels is not.
constexpr microseconds kQuickInAll = std::chrono::milliseconds(150);
// Setting up a job, whatever it is.
constexpr double kFixedUs = 300;

struct DecodeWork {
  ImageType type;
  double ns;        // by source pixel; a vector: by drawn pixel
  double whole_ns;  // JPEG in several scans, interlaced PNG
};
constexpr DecodeWork kDecode[] = {
    {ImageType::kJpeg, 4, 14},  {ImageType::kPng, 10, 32},  {ImageType::kWebp, 19, 19},
    {ImageType::kGif, 20, 20},  {ImageType::kTiff, 12, 12}, {ImageType::kAvif, 50, 50},
    {ImageType::kHeic, 90, 90}, {ImageType::kJxl, 50, 50},  {ImageType::kBmp, 10, 10},
    {ImageType::kIco, 30, 30},  {ImageType::kSvg, 50, 50}};

struct EncodeWork {
  ImageType type;
  double ns;  // by result pixel
  double fixed_us;
};
constexpr EncodeWork kEncode[] = {
    {ImageType::kJpeg, 10, 100},      {ImageType::kPng, 130, 500},  {ImageType::kWebp, 110, 4000},
    {ImageType::kGif, 800, 30'000},   {ImageType::kTiff, 8, 100},   {ImageType::kBmp, 2, 100},
    {ImageType::kIco, 130, 500},      {ImageType::kAvif, 340, 30'000},
    {ImageType::kHeic, 3300, 50'000}, {ImageType::kJxl, 75, 2000}};

microseconds from_us(double us) noexcept {
  constexpr double kMost = 3600e6;  // an hour: nothing waits for longer
  // Also what is no number.
  return microseconds(static_cast<microseconds::rep>(us < kMost ? us : kMost));
}

microseconds decode_time(ImageType type, double pixels, bool whole) noexcept {
  const auto* row = std::ranges::find(kDecode, type, &DecodeWork::type);
  if (row == std::end(kDecode)) row = std::begin(kDecode);
  return from_us(kFixedUs + pixels * (whole ? row->whole_ns : row->ns) / 1e3);
}

// A PNG of a source with a palette: between flat icons (10 ms at 100 pixels a side, 24 at 300) and
// photos in 256 colours, which take a GIF's time.
constexpr EncodeWork kPalettePng{ImageType::kPng, 400, 10'000};

// What a vector draws is flat, and packs in a third of the time: shapes and text of 1000 x 1000.
constexpr double kFlatPngNs = 45;

struct Encoding {
  ImageType source, result;
  double pixels;
  bool palette = false;
};
microseconds encode_time(const Encoding& e) noexcept {
  const auto* row = std::ranges::find(kEncode, e.result, &EncodeWork::type);
  if (row == std::end(kEncode)) row = std::begin(kEncode);
  if (e.palette) row = &kPalettePng;
  const bool flat = e.result == ImageType::kPng && facts_of(e.source).vector;
  return from_us(row->fixed_us + e.pixels * (flat ? kFlatPngNs : row->ns) / 1e3);
}

double area(int width, int height) noexcept { return static_cast<double>(width) * height; }

}  // namespace

bool PlannedWork::patient() const noexcept {
  return encode > kQuickEncode || all() > kQuickInAll;
}

PlannedWork planned_work(const Plan& plan, const PlanInput& in) noexcept {
  const SourceFacts& facts = facts_of(in.facts.type).vector ? plan.loaded : in.facts;
  const double pixels = area(facts.width, facts.height);
  // libvips takes as long for a PNG that is too large to be unpacked natively as for an interlaced.
  const bool large_png = in.facts.type == ImageType::kPng &&
                         pixels * in.facts.samples_per_pixel > image::kPngUnpackedBytesMax;
  const bool palette = plan.result_type == ImageType::kPng && in.facts.palette &&
                       !in.config->png_quantize;
  return {.decode = decode_time(in.facts.type, pixels * plan.frames,
                                in.facts.whole_decode || large_png),
          .encode = encode_time({in.facts.type, encoder_of(plan.result_type, in),
                                 area(plan.result.width, plan.result.height) * plan.frames,
                                 palette})};
}

PlannedWork planned_work(const UnreadSource& unread) noexcept {
  return {.decode = decode_time(unread.source, unread.pixels, false),
          .encode = encode_time({unread.source, unread.result,
                                 unread.result_pixels > 0 ? unread.result_pixels
                                                          : unread.pixels})};
}

}  // namespace imgring::pipeline
