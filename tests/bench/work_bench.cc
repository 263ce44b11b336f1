// CPU time a job takes, by source and by result format and by step: where the constants of
// src/pipeline/plan_work.cc and src/pipeline/step_rows.cc come from.
//
//   work_bench ROUNDS PHOTO...
//   work_bench ROUNDS --steps PHOTO...
//
// --steps: what an option takes more than the same render without it.
// Each photo is written in every format that libvips can save, at two sizes. Decoding is a render
// to a small JPEG, encoding a save of pixels in memory; the smallest CPU time of the process (all
// its threads) over ROUNDS counts. Prints ns per pixel, what was fixed, and for encoders how many
// threads worked at once (CPU by wall time).
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "imgring/image/abilities.h"
#include "imgring/image/encoder.h"
#include "imgring/pipeline/render.h"

namespace {

using namespace imgring;
using image::VipsImagePtr;

constexpr int kSmall = 400, kLarge = 1600;

void need(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "%s: %s\n", what, vips_error_buffer());
  std::exit(1);
}

double now_ms(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

struct Time {
  double cpu_ms = 1e9, wall_ms = 1e9;
};

template <class Work>
Time best_of(int rounds, Work work) {
  Time best;
  for (int i = 0; i < rounds; ++i) {
    const double cpu = now_ms(CLOCK_PROCESS_CPUTIME_ID), wall = now_ms(CLOCK_MONOTONIC);
    work();
    best.cpu_ms = std::min(best.cpu_ms, now_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    best.wall_ms = std::min(best.wall_ms, now_ms(CLOCK_MONOTONIC) - wall);
  }
  return best;
}

config::ProcessingConfig default_config() {
  config::ProcessingConfig config;
  config.format_quality[static_cast<std::size_t>(ImageType::kWebp)] = 79;
  config.format_quality[static_cast<std::size_t>(ImageType::kAvif)] = 63;
  config.format_quality[static_cast<std::size_t>(ImageType::kJxl)] = 77;
  return config;
}

VipsImagePtr photo(const char* file, int width) {
  VipsImage* image = nullptr;
  need(!vips_thumbnail(file, &image, width, nullptr), file);
  const VipsImagePtr owner(image);
  VipsImagePtr memory(vips_image_copy_memory(image));
  need(memory != nullptr, "memory");
  return memory;
}

double pixels(VipsImage* image) {
  return static_cast<double>(vips_image_get_width(image)) * vips_image_get_height(image);
}

// Two sizes of one picture: the slope and what is there without any pixel.
struct Line {
  Time time[2];
  double size[2];
  double ns() const { return (time[1].cpu_ms - time[0].cpu_ms) * 1e6 / (size[1] - size[0]); }
  double fixed_us() const { return time[0].cpu_ms * 1e3 - ns() * size[0] / 1e3; }
};

void encode(int rounds, const char* file, ImageType type) {
  const config::ProcessingConfig config = default_config();
  const image::StopFlag stop;
  image::SaveParams params{.config = &config};
  const int quality = config.format_quality[static_cast<std::size_t>(type)];
  if (quality > 0) params.quality = quality;
  Line line;
  for (int i : {0, 1}) {
    const VipsImagePtr image = photo(file, i == 0 ? kSmall : kLarge);
    line.size[i] = pixels(image.get());
    line.time[i] = best_of(
        rounds, [&] { need(image::save(image.get(), type, params, stop).has_value(), "save"); });
  }
  std::printf("encode %-5s %8.1f ns/px  %6.0f us fixed  %5.2f threads at once\n",
              facts_of(type).name.data(), line.ns(), line.fixed_us(),
              line.time[1].cpu_ms / line.time[1].wall_ms);
}

// A render of `bytes` to `width` pixels of JPEG.
Time rendered(int rounds, const std::string& bytes, ImageType type, int width) {
  const config::ProcessingConfig config = default_config();
  url::RequestOptions options;
  options.first().width = width;
  options.format = ImageType::kJpeg;
  const pipeline::RenderJob job{
      .source = as_bytes(bytes), .source_type = type, .options = &options, .config = &config};
  const image::StopFlag stop;
  return best_of(rounds, [&] {
    const auto done = pipeline::render(job, stop);
    if (!done) std::fprintf(stderr, "%s\n", done.error().detail.c_str());
    need(done.has_value(), "render");
  });
}

std::string written(VipsImage* image, const char* suffix) {
  void* data = nullptr;
  std::size_t size = 0;
  need(!vips_image_write_to_buffer(image, suffix, &data, &size, nullptr), suffix);
  std::string out(static_cast<const char*>(data), size);
  g_free(data);
  return out;
}

void decode(int rounds, const char* file, ImageType type, const char* suffix, int width) {
  Line line;
  for (int i : {0, 1}) {
    const VipsImagePtr image = photo(file, i == 0 ? kSmall : kLarge);
    line.size[i] = pixels(image.get());
    line.time[i] = rendered(rounds, written(image.get(), suffix), type, width);
  }
  std::printf("decode %-22s to %4d %8.1f ns/px  %6.0f us fixed\n", suffix, width, line.ns(),
              line.fixed_us());
}

constexpr std::pair<ImageType, const char*> kSources[] = {
    {ImageType::kJpeg, ".jpg[Q=88]"}, {ImageType::kJpeg, ".jpg[Q=88,interlace]"},
    {ImageType::kPng, ".png"},        {ImageType::kPng, ".png[interlace]"},
    {ImageType::kWebp, ".webp"},      {ImageType::kGif, ".gif"},
    {ImageType::kTiff, ".tif"},       {ImageType::kAvif, ".avif"},
    {ImageType::kHeic, ".heic"},      {ImageType::kJxl, ".jxl"}};

// A step by the options that ask for it.
struct StepCase {
  const char* name;
  void (*set)(url::RequestOptions& o);
};
using O = url::RequestOptions;
constexpr StepCase kStepCases[] = {
    {"trim",
     [](O& o) {
       o.first().trim.on = true;
       o.first().trim.threshold = 10;
     }},
    {"turn 90", [](O& o) { o.first().rotate = 90; }},
    {"crop", [](O& o) { o.first().crop = {0.99, 0.99, {}}; }},
    {"crop smart", [](O& o) { o.first().crop = {0.99, 0.99, {url::GravityType::kSmart, 0, 0}}; }},
    {"blur 0.5", [](O& o) { o.first().blur = 0.5; }},
    {"blur 1", [](O& o) { o.first().blur = 1; }},
    {"blur 5", [](O& o) { o.first().blur = 5; }},
    {"blur 20", [](O& o) { o.first().blur = 20; }},
    {"blur 40", [](O& o) { o.first().blur = 40; }},
    {"blur 70", [](O& o) { o.first().blur = 70; }},
    {"blur 100", [](O& o) { o.first().blur = 100; }},
    {"sharpen 0.5", [](O& o) { o.first().sharpen = 0.5F; }},
    {"sharpen 2", [](O& o) { o.first().sharpen = 2; }},
    {"sharpen 20", [](O& o) { o.first().sharpen = 20; }},
    {"sharpen 50", [](O& o) { o.first().sharpen = 50; }},
    {"sharpen 100", [](O& o) { o.first().sharpen = 100; }},
    {"pixelate 8", [](O& o) { o.first().pixelate = 8; }},
    {"padding 1", [](O& o) { o.first().padding = {1, 1, 1, 1}; }},
    {"flatten", [](O& o) { o.first().background = url::Color{1, 2, 3}; }},
    {"unsharp masking", [](O& o) { o.first().unsharp.mode = config::UnsharpMode::kAlways; }},
    {"contrast", [](O& o) { o.first().contrast = 1.2; }},
    {"saturation", [](O& o) { o.first().saturation = 1.2; }},
    {"monochrome", [](O& o) { o.first().monochrome.intensity = 0.5; }},
    {"duotone", [](O& o) { o.first().duotone.intensity = 0.5; }},
    {"blur areas 5, a quarter", [](O& o) { o.first().blur_areas = {5, {{0.1, 0.1, 0.5, 0.5}}}; }},
    {"progressive blur 5", [](O& o) { o.first().progressive_blur = {5, {}}; }},
    {"progressive blur 20", [](O& o) { o.first().progressive_blur = {20, {}}; }},
    {"colorize", [](O& o) { o.first().colorize = {0.5, {}, false}; }},
    {"gradient", [](O& o) { o.first().gradient = {0.5, {}, {}}; }},
    {"watermark", [](O& o) { o.first().watermark.opacity = 0.5; }},
    {"watermark over all", [](O& o) { o.first().watermark = {0.5, {}, 1}; }},
};

void step(int rounds, const char* file, const StepCase& which) {
  const config::ProcessingConfig config = default_config();
  pipeline::AuxImage mark;
  mark.bytes = written(photo(file, 100).get(), ".png");
  mark.type = ImageType::kPng;
  Line line;
  for (int i : {0, 1}) {
    const VipsImagePtr image = photo(file, i == 0 ? kSmall : kLarge);
    const std::string bytes = written(image.get(), ".jpg[Q=88]");
    line.size[i] = pixels(image.get());
    const auto timed = [&](bool with) {
      url::RequestOptions options;
      options.format = ImageType::kJpeg;
      if (with) which.set(options);
      const pipeline::RenderJob job{.source = as_bytes(bytes),
                                    .source_type = ImageType::kJpeg,
                                    .options = &options,
                                    .config = &config,
                                    .watermark = &mark,
                                    .libvips_only = true};
      const image::StopFlag stop;
      return best_of(rounds, [&] { need(pipeline::render(job, stop).has_value(), which.name); });
    };
    line.time[i].cpu_ms = timed(true).cpu_ms - timed(false).cpu_ms;
  }
  std::printf("%-20s %8.1f ns/px  %6.0f us fixed\n", which.name, line.ns(), line.fixed_us());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: work_bench ROUNDS [--steps] PHOTO...\n", stderr);
    return 2;
  }
  setlinebuf(stdout);
  need(image::init_vips(argv[0]).has_value(), "vips");
  const format::Abilities can = image::ask_abilities();
  const int rounds = std::max(1, std::atoi(argv[1]));
  const bool steps = std::string_view(argv[2]) == "--steps";
  for (int i = steps ? 3 : 2; i < argc; ++i) {
    std::printf("%s\n", argv[i]);
    if (steps) {
      for (const StepCase& which : kStepCases) step(rounds, argv[i], which);
      continue;
    }
    for (const auto& [type, suffix] : kSources) {
      if (!can.can_save(type)) continue;
      for (int width : {100, 350}) decode(rounds, argv[i], type, suffix, width);
    }
    for (ImageType type :
         {ImageType::kJpeg, ImageType::kPng, ImageType::kWebp, ImageType::kGif, ImageType::kTiff,
          ImageType::kBmp, ImageType::kAvif, ImageType::kHeic, ImageType::kJxl}) {
      if (can.can_save(type)) encode(rounds, argv[i], type);
    }
  }
  image::shutdown_vips();
}
