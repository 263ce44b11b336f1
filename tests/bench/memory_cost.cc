// What plan_cost.cc plans for a job beside what the job really takes.
//
//   memory_cost PHOTO...
//
// Each job in a process of its own: a small job of the kind first, so that libraries and tables are
// there, then the kernel's peak of resident memory is reset, then the job. Prints MB planned, MB of
// peak above what was resident before, and planned / real: under 1 the table promises too little.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "imgring/format/sniff.h"
#include "imgring/image/vips_image.h"
#include "imgring/mem/allocator.h"
#include "imgring/pipeline/estimate.h"
#include "imgring/url/request.h"

namespace {

using namespace imgring;

// Benchmarks end at the first thing that goes wrong.
void need(bool good, const std::string& what) {
  if (good) return;
  std::fprintf(stderr, "%s: %s\n", what.c_str(), vips_error_buffer());
  std::exit(1);
}

std::string encoded(VipsImage* picture, const char* suffix) {
  void* data = nullptr;
  std::size_t size = 0;
  need(vips_image_write_to_buffer(picture, suffix, &data, &size, nullptr) == 0, suffix);
  std::string bytes(static_cast<char*>(data), size);
  g_free(data);
  return bytes;
}

double status_mb(const char* name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    return std::strtod(line.c_str() + std::string(name).size(), nullptr) / 1024;
  }
  return 0;
}

struct Job {
  std::string source, options;
};

std::int64_t run(const url::UrlRules& rules, const config::Config& config, const Job& job) {
  auto parsed = rules.parse("/" + job.options, {}, std::time(nullptr));
  need(parsed.has_value(), job.options);
  pipeline::RenderJob render;
  render.source = as_bytes(job.source);
  render.source_type = format::detect_type(render.source, "", "");
  render.options = &parsed->options;
  render.config = &config.processing;
  // A watermark that a URL names is the source itself.
  pipeline::AuxImage mark;
  mark.bytes = job.source;
  mark.type = render.source_type;
  pipeline::measure(&mark);
  const std::vector<const pipeline::AuxImage*> marks(parsed->options.pipelines.size(), &mark);
  render.fetched_marks = marks;
  std::vector<std::string> warnings;
  const image::ColourProfiles profiles = image::find_colour_profiles("", &warnings);
  render.profile = image::find_profile(profiles, parsed->options.color_profile);
  const auto facts =
      pipeline::read_facts(render.source, render.source_type, parsed->options.pages_max());
  const image::StopFlag stop;
  const std::int64_t planned = pipeline::estimate(render, facts).bytes;
  const auto result = pipeline::render(render, stop);
  need(result.has_value(), job.options + ": " + (result ? "" : result.error().detail));
  return planned;
}

// In the child: its line of the table.
void measure(const std::string& name, const Job& job, const Job& warm_up) {
  mem::tune_allocator();
  need(image::init_vips("memory_cost").has_value(), "libvips");
  config::Config config;
  std::vector<std::string> warnings;
  auto rules = url::UrlRules::build(config, &warnings);
  need(rules.has_value(), "rules");
  run(**rules, config, warm_up);
  mem::collect(mem::Collect::kHelper);
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak begins anew (Linux 4.0)
  const double before = status_mb("VmRSS:");
  const double planned = static_cast<double>(run(**rules, config, job)) / (1 << 20);
  const double real = status_mb("VmHWM:") - before;
  std::printf("%-34s %9.1f %9.1f %8.2f\n", name.c_str(), planned, real,
              planned / std::max(real, 0.1));
  std::fflush(stdout);
}

struct Source {
  const char *name, *suffix;
};
constexpr Source kSources[] = {{"jpeg", ".jpg"},
                               {"jpeg progressive 4:2:0", ".jpg[interlace,subsample_mode=on]"},
                               {"jpeg progressive 4:4:4", ".jpg[interlace,subsample_mode=off]"},
                               {"png", ".png[compression=1]"},
                               {"png interlaced", ".png[compression=1,interlace]"},
                               {"webp", ".webp"},
                               {"gif", ".gif[effort=1]"},
                               {"tiff", ".tif"},
                               {"avif", ".avif[speed=9]"},
                               {"heic", ".heic[speed=9]"},
                               {"jxl", ".jxl[effort=3]"}};
// All of a 3 MP result where the encoder is what is measured.
constexpr const char* kOptions[] = {
    "rs:fit:500:0",
    "rs:fit:2000:0",
    "rs:fit:2000:0/rot:90",
    "rs:fit:2000:0/bl:5",
    "rs:fit:2000:0/sh:1",
    "rs:fill:1500:1500/g:sm",
    "t:10/rs:fit:500:0",
    "rs:fit:2000:0/a:20:1.2:1.5/dt:0.5/gr:1",
    "rs:fit:2000:0/ush:always",
    "rs:fit:2000:0/ba:5:0.2:0.2:0.5:0.5",
    "rs:fit:2000:0/pbl:10",
    "rs:fit:2000:0/cp:cmyk",
    "rs:fit:2000:0/wm:1:ce/wmu:YQ/wms:1000",
    "rs:fit:2000:0/wm:1:ce/wmu:YQ/wms:1000/wmr:30/wmsh:10",
    "rs:fit:2000:0/wm:0.5:ch/wmu:YQ/wms:200",
    "w:2000/wm:1/wmu:YQ/-/wm:1/wmu:YQ/-/wm:1/wmu:YQ/-/wm:1/wmu:YQ/-/wm:1/wmu:YQ/-/wm:1/wmu:YQ",
    "rs:fit:3000:0/-/c:0.9:0.9/br:20/-/w:2000/-/gr:1/-/pd:10/-/col:0.1:f00",
    "rs:fit:2000:0/aq:size:200000",
    "rs:fit:2000:0/aq:dssim:0.01"};
constexpr const char* kResults[] = {"jpg",  "png", "webp", "avif", "gif",
                                    "tiff", "jxl", "bmp",  "best"};
// Of a picture of twelve frames.
constexpr const char* kOfFrames[] = {"rs:fit:500:0", "rs:fit:500:0/pg:4", "rs:fit:500:0/pgs:6",
                                     "rs:fit:500:0/da:1", "rs:fit:500:0/gr:1/-/pd:10"};
constexpr int kFrames = 12;

std::string path_of(const std::string& options, const std::string& format) {
  return options + "/plain/local:///p@" + format;
}

void in_child(const std::string& name, const Job& job, const Job& warm_up) {
  std::fflush(stdout);  // else the child has it, too
  const pid_t child = fork();
  need(child >= 0, "fork");
  if (child == 0) {
    measure(name, job, warm_up);
    std::_Exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0) std::printf("%-34s is not supported here\n", name.c_str());
}

// Encoders leave threads behind: each source is made by a process of its own, which writes it.
std::string made(const char* photo, const char* suffix, int width, int frames = 1) {
  int ends[2];
  need(pipe(ends) == 0, "pipe");
  const pid_t child = fork();
  if (child == 0) {
    need(VIPS_INIT("memory_cost") == 0, "libvips");
    VipsImage* picture = nullptr;
    need(vips_thumbnail(photo, &picture, width, "size", VIPS_SIZE_BOTH, nullptr) == 0, photo);
    if (frames > 1) {
      VipsImage* kept = vips_image_copy_memory(picture);  // a thumbnail is read once
      need(kept != nullptr, "pixels");
      picture = kept;
      const std::vector<VipsImage*> row(static_cast<std::size_t>(frames), picture);
      VipsImage *joined = nullptr, *stack = nullptr;
      need(vips_arrayjoin(const_cast<VipsImage**>(row.data()), &joined, frames, "across", 1,
                          nullptr) == 0 &&
               vips_copy(joined, &stack, nullptr) == 0,
           "frames");
      vips_image_set_int(stack, VIPS_META_PAGE_HEIGHT, vips_image_get_height(picture));
      picture = stack;
    }
    const std::string bytes = encoded(picture, suffix);
    std::FILE* out = fdopen(ends[1], "w");
    std::fwrite(bytes.data(), 1, bytes.size(), out);
    std::fclose(out);
    std::_Exit(0);
  }
  close(ends[1]);
  std::string bytes;
  char piece[1 << 16];
  for (ssize_t n = 0; (n = read(ends[0], piece, sizeof piece)) > 0;) {
    bytes.append(piece, static_cast<std::size_t>(n));
  }
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return bytes;
}

void measure_photo(const char* photo) {
  std::printf("%s, 4000 pixels wide\n%-34s %9s %9s %8s\n", photo, "", "planned", "real MB",
              "ratio");
  for (const Source& source : kSources) {
    const std::string bytes = made(photo, source.suffix, 4000);
    const std::string small = made(photo, source.suffix, 200);
    if (bytes.empty()) continue;
    in_child(std::string(source.name) + " to 500 jpg", {bytes, path_of(kOptions[0], "jpg")},
             {small, path_of("rs:fit:50:0", "jpg")});
  }
  const std::string jpeg = made(photo, ".jpg", 4000), small = made(photo, ".jpg", 200);
  for (const char* options : kOptions) {
    in_child(std::string("jpeg ") + options, {jpeg, path_of(options, "jpg")},
             {small, path_of("rs:fit:50:0", "jpg")});
  }
  for (const char* suffix : {".gif[effort=1]", ".webp"}) {
    const std::string frames = made(photo, suffix, 1000, kFrames);
    const std::string few = made(photo, suffix, 200, kFrames);
    for (const char* options : kOfFrames) {
      in_child(std::string("12 of ") + suffix + " " + options, {frames, path_of(options, "webp")},
               {few, path_of("rs:fit:50:0", "webp")});
    }
  }
  for (const char* format : kResults) {
    in_child(std::string("jpeg to 2000 ") + format, {jpeg, path_of(kOptions[1], format)},
             {small, path_of("rs:fit:50:0", format)});
  }
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) measure_photo(argv[i]);
  return argc > 1 ? 0 : 2;
}
