// What walks over an SVG's markup cost, file by file.
//
//   svg_bench FILE...        tests/hostile/svg_worst.py makes the worst
//
// Each line: CPU seconds of the sanitiser and of the limits, both for each megabyte of the source,
// what they said, and the largest resident size so far.
#include <sys/resource.h>
#include <time.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "imgring/image/svg.h"

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

void measure(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string source{std::istreambuf_iterator<char>(file), {}};
  const double megabytes = static_cast<double>(source.size()) / 1e6;
  const double start = cpu_seconds();
  const auto clean = image::sanitize_svg(as_bytes(source));
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

}  // namespace

int main(int count, char** arguments) {
  for (int i = 1; i < count; ++i) measure(arguments[i]);
}
