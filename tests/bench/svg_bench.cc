// What SVGs cost, file by file: to walk over their markup, or to draw.
//
//   svg_bench walk FILE...        tests/hostile/svg_worst.py makes the worst
//   svg_bench draw WIDTH FILE...  tests/hostile/svg_costly.py makes those that reach a limit
//
// walk: CPU seconds of the sanitiser and of the limits for each megabyte of the source, and what
// they said. draw: CPU seconds of drawing at that width without any limit, and whether the limits
// would refuse it. Both: the largest resident size so far, so that one file a run tells its own.
#include <sys/resource.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "../../src/image/row_puller.h"
#include "imgring/image/loader.h"
#include "imgring/image/svg_check.h"
#include "imgring/image/svg_drawing.h"
#include "imgring/svg/svg.h"

namespace {

using namespace imgring;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double peak_megabytes() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  return static_cast<double>(use.ru_maxrss) / 1024;
}

std::string content_of(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void measure_walk(const char* path) {
  const std::string source = content_of(path);
  const double megabytes = static_cast<double>(source.size()) / 1e6;
  const double start = cpu_seconds();
  const auto clean = svg::sanitize_svg(as_bytes(source));
  const double sanitised = cpu_seconds();
  const auto within = image::check_svg_limits(as_bytes(source));
  const double checked = cpu_seconds();
  const std::string first = clean ? std::to_string(clean->size()) + " bytes" : clean.error().detail;
  const std::string second = within ? "within" : within.error().detail;
  std::printf("%.3f s/MB sanitised, %.3f s/MB checked, peak %.0f MB: %s (%s; %s)\n",
              (sanitised - start) / megabytes, (checked - sanitised) / megabytes, peak_megabytes(),
              path, first.c_str(), second.c_str());
  std::fflush(stdout);
}

// The rasteriser alone; empty: drawn.
std::string draw_without_limits(ByteSpan source, double width) {
  const image::StopFlag never;
  const auto small = image::load(source, ImageType::kSvg, {});
  if (!small) return small.error().detail;
  image::LoadParams params;
  params.scale = width / vips_image_get_width(small->get());
  const auto picture = image::load(source, ImageType::kSvg, params);
  if (!picture) return picture.error().detail;
  image::RowPuller rows(picture->get(), never);
  for (int top = 0; top < vips_image_get_height(picture->get());) {
    const auto strip = rows.pull(top);
    if (!strip) return strip.error().detail;
    top += strip->row_count;
  }
  return {};
}

void measure_draw(const char* path, double width) {
  const std::string source = content_of(path);
  const double start = cpu_seconds();
  const std::string said = draw_without_limits(as_bytes(source), width);
  const double drawn = cpu_seconds();
  const auto drawing = image::draw_here(as_bytes(source), {});
  auto size = drawing->look(1);
  if (size) size = drawing->look(width / size->width);
  std::string judged = size ? "" : size.error().detail;
  if (size) {
    const auto picture = drawing->draw();
    judged = picture ? "within" : picture.error().detail;
  }
  std::printf("%.2f s drawn, peak %.0f MB: %s %s(%s)\n", drawn - start, peak_megabytes(), path,
              said.c_str(), judged.c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view kind = count > 2 ? arguments[1] : "";
  if (kind != "walk" && kind != "draw") return 2;
  if (kind == "walk") {
    for (int i = 2; i < count; ++i) measure_walk(arguments[i]);
    return 0;
  }
  if (!image::init_vips("svg_bench")) return 1;
  for (int i = 3; i < count; ++i) measure_draw(arguments[i], std::atof(arguments[2]));
}
