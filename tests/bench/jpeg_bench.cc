// Our JPEG decoder against libjpeg-turbo as the server calls it, in one process that takes turns.
//
//   jpeg_bench time ROUNDS FILE...     CPU ms of a picture at each scale, the least of the rounds:
//                                      libjpeg-turbo, ours with the low coefficients, with a box
//   jpeg_bench quality WIDTH FILE...   dB against Lanczos3 of the whole picture in floats of
//   results
//                                      of that width: decoded by libjpeg-turbo, ours with the low
//                                      coefficients, with a box, and Lanczos3 in floats behind;
//                                      then the server's own results by each decoder and by
//                                      libvips' way
//
// docs/design/jpeg.md has what they said.
#include <vips/vips.h>

#include <cmath>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>

#include "../unit/codec/jpeg_files.h"
#include "imgring/pipeline/render.h"

namespace {

using namespace imgring;
using namespace imgring::codec;
using namespace imgring::codec::test;
using Octets = std::vector<std::uint8_t>;
using Floats = std::vector<float>;

constexpr int kShrinks[] = {8, 4, 2, 1};

Octets read_file(const std::string& name) {
  std::ifstream in(name, std::ios::binary);
  return Octets(std::istreambuf_iterator<char>(in), {});
}

std::string base_of(const std::string& name) { return name.substr(name.rfind('/') + 1); }

bool is_progressive(const Octets& f) {
  for (std::size_t i = 2; i + 4 < f.size() && f[i] == 0xFF; i += 2u + f[i + 2] * 256u + f[i + 3]) {
    if (f[i + 1] == 0xC2) return true;
  }
  return false;
}

struct Cost {
  double least_ms = 1e9;
  bool done = true;
  template <class Run>
  void measure(Run run) {
    timespec from, to;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    done = run() && done;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    const double ms = static_cast<double>(to.tv_sec - from.tv_sec) * 1e3 +
                      static_cast<double>(to.tv_nsec - from.tv_nsec) / 1e6;
    least_ms = std::min(least_ms, ms);
  }
};

// Rows one after the other into the same room, as the server reads them.
bool run_ours(const Octets& file, int shrink, JpegKernel kernel) {
  JpegDecoder decoder;
  if (decoder.open({.source = file, .shrink = shrink, .kernel = kernel}) != JpegEnd::kFine)
    return false;
  Octets row(static_cast<std::size_t>(decoder.width() * decoder.bands()) + kJpegRowPadBytes);
  for (int y = 0; y < decoder.height(); ++y) {
    if (decoder.next_row(row.data()) != JpegEnd::kFine) return false;
  }
  return decoder.finish(decoder.height()) == JpegEnd::kFine;
}

struct Sums {
  double turbo = 0, low = 0, box = 0;
  int files = 0;
};

Sums time_file(const std::string& name, const Octets& file, int shrink, int rounds) {
  Cost turbo_cost, low, box;
  Pixels room;
  for (int i = 0; i < rounds; ++i) {
    turbo_cost.measure([&] { return turbo_reads(file, shrink, JDCT_ISLOW, &room); });
    low.measure([&] { return run_ours(file, shrink, JpegKernel::kLow); });
    box.measure([&] { return run_ours(file, shrink, JpegKernel::kBox); });
  }
  const Sums out{turbo_cost.least_ms, low.least_ms, box.least_ms, 1};
  std::printf("%-8s 1/%d turbo %.3f low %.3f (%.2f) box %.3f (%.2f)%s\n", base_of(name).c_str(),
              shrink, out.turbo, out.low, out.turbo / out.low, out.box, out.turbo / out.box,
              turbo_cost.done && low.done && box.done ? "" : " NOT READ");
  return out;
}

void time_files(int rounds, const std::vector<std::string>& names) {
  Sums sums[2][4];
  for (const std::string& name : names) {
    const Octets file = read_file(name);
    for (std::size_t s = 0; s < std::size(kShrinks); ++s) {
      const Sums one = time_file(name, file, kShrinks[s], rounds);
      Sums& sum = sums[is_progressive(file)][s];
      sum = {sum.turbo + one.turbo, sum.low + one.low, sum.box + one.box, sum.files + 1};
    }
  }
  for (const bool progressive : {false, true}) {
    for (std::size_t s = 0; s < std::size(kShrinks); ++s) {
      const Sums& sum = sums[progressive][s];
      if (sum.files == 0) continue;
      std::printf("SUM %s 1/%d of %d: turbo %.1f ms, low %.1f (%.2f), box %.1f (%.2f)\n",
                  progressive ? "progressive" : "sequential", kShrinks[s], sum.files, sum.turbo,
                  sum.low, sum.turbo / sum.low, sum.box, sum.turbo / sum.box);
    }
  }
}

struct Axis {
  int in = 0, out = 0;
  double by = 1;     // that is divided by, of which in / out is only nearly
  double extra = 0;  // pixels that are left over, half of them in front: vips_reduce's convention
};
// What the server's plan divides an axis by, behind the decoder.
struct Factor {
  double by = 1, extra = 0;
};
struct Reduction {
  int shrink = 1;  // in the decoder
  Factor across, down;

  Reduction of_whole() const {
    const double s = shrink;
    return {1, {across.by * s, across.extra * s}, {down.by * s, down.extra * s}};
  }
};
struct Tap {
  int at;
  double weight;
};

std::vector<Tap> taps_of(const Axis& axis, int i) {
  constexpr double kPi = 3.14159265358979323846;
  const double by = axis.by, centre = (i + 0.5) * by - 0.5 + axis.extra / 2;
  std::vector<Tap> taps;
  double sum = 0;
  for (int at = static_cast<int>(std::ceil(centre - 3 * by)); at <= centre + 3 * by; ++at) {
    const double x = std::abs(at - centre) / by * kPi;
    const double w = x < 1e-9 ? 1 : 3 * std::sin(x) * std::sin(x / 3) / (x * x);
    taps.push_back({std::clamp(at, 0, axis.in - 1), w});
    sum += w;
  }
  for (Tap& tap : taps) tap.weight /= sum;
  return taps;
}

// Lanczos3 along rows; the result is transposed, so that a second call does the columns.
Floats lanczos_rows(const Floats& in, const Axis& across, int height, int bands) {
  Floats out(static_cast<std::size_t>(across.out * height * bands));
  for (int i = 0; i < across.out; ++i) {
    const std::vector<Tap> taps = taps_of(across, i);
    for (int y = 0; y < height; ++y) {
      for (int c = 0; c < bands; ++c) {
        double v = 0;
        for (const Tap& tap : taps)
          v += tap.weight * in[static_cast<std::size_t>((y * across.in + tap.at) * bands + c)];
        out[static_cast<std::size_t>((i * height + y) * bands + c)] = static_cast<float>(v);
      }
    }
  }
  return out;
}

// Of `size` pixels, 0 to 255, not rounded.
Floats resized(const Pixels& p, const Pixels& size, const Reduction& by) {
  const Floats in(p.bytes.begin(), p.bytes.end());
  const Floats rows =
      lanczos_rows(in, {p.width, size.width, by.across.by, by.across.extra}, p.height, p.bands);
  Floats out =
      lanczos_rows(rows, {p.height, size.height, by.down.by, by.down.extra}, size.width, p.bands);
  for (float& v : out) v = std::clamp(v, 0.0f, 255.0f);
  return out;
}

// `b` rounded to levels.
double decibels(const Floats& a, const Floats& b) {
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double e = a[i] - std::floor(b[i] + 0.5f);
    squares += e * e;
  }
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.size()) / std::max(squares, 1e-9));
}

// A request for a PNG of `width` pixels.
struct Request {
  config::ProcessingConfig config;
  url::RequestOptions options;
  pipeline::RenderJob job;

  Request(const Octets& file, int width) {
    options.first().width = width;
    options.format = ImageType::kPng;
    job.source = file;
    job.source_type = ImageType::kJpeg;
    job.options = &options;
    job.config = &config;
  }
};

std::optional<Reduction> planned(const Octets& file, int width) {
  const Request request(file, width);
  const auto foreseen = pipeline::foresee(request.job);
  if (!foreseen) return std::nullopt;
  Reduction out;
  out.shrink = foreseen->plan.load.shrink;
  for (const pipeline::Step& step : foreseen->plan.steps) {
    if (step.kind != pipeline::StepKind::kScale) continue;
    const double across = 1 / step.width_scale, down = 1 / step.height_scale;
    const pipeline::Plan& plan = foreseen->plan;
    out.across = {across, plan.loaded.width - step.after.width * across};
    out.down = {down, plan.loaded.height - step.after.height * down};
  }
  return out;
}

// The pixels of the server's answer.
std::optional<Pixels> served(const Octets& file, int width, config::JpegReader by, bool vips_only) {
  Request request(file, width);
  request.config.jpeg_decoder = by;
  request.job.libvips_only = vips_only;
  const StopFlag stop;
  const auto done = pipeline::render(request.job, stop);
  if (!done || done->native == vips_only) return std::nullopt;
  VipsImage* png = nullptr;
  const ByteSpan bytes = done->bytes.span();
  if (vips_pngload_buffer(const_cast<std::uint8_t*>(bytes.data()), bytes.size(), &png, nullptr) !=
      0)
    return std::nullopt;
  std::size_t size = 0;
  auto* pixels = static_cast<std::uint8_t*>(vips_image_write_to_memory(png, &size));
  Pixels out{vips_image_get_width(png), vips_image_get_height(png), vips_image_get_bands(png), {}};
  out.bytes.assign(pixels, pixels + size);
  g_free(pixels);
  g_object_unref(png);
  return out;
}

enum Way { kTurbo, kLow, kBox, kServedOwn, kServedTurbo, kServedVips, kWays };
constexpr const char* kWayNames[] = {"turbo",      "low",          "box",
                                     "served own", "served turbo", "served libvips"};

bool measure(const Octets& file, int width, double (&out)[kWays]) {
  const auto whole = turbo(file, 1, JDCT_FLOAT);
  const auto vips = served(file, width, config::JpegReader::kTurbo, true);
  const auto own = served(file, width, config::JpegReader::kOwn, false);
  const auto by_turbo = served(file, width, config::JpegReader::kTurbo, false);
  const auto plan = planned(file, width);
  if (!whole || !vips || !own || !by_turbo || !plan) return false;
  const int shrink = plan->shrink;
  const Floats best = resized(*whole, *vips, plan->of_whole());
  const auto decoded = [&](const std::optional<Pixels>& p) {
    return decibels(best, resized(*p, *vips, *plan));
  };
  out[kTurbo] = decoded(turbo(file, shrink));
  out[kLow] = decoded(ours(file, shrink, JpegKernel::kLow));
  out[kBox] = decoded(ours(file, shrink, JpegKernel::kBox));
  const auto as_it_is = [&](const Pixels& p) {
    return decibels(best, Floats(p.bytes.begin(), p.bytes.end()));
  };
  out[kServedOwn] = as_it_is(*own);
  out[kServedTurbo] = as_it_is(*by_turbo);
  out[kServedVips] = as_it_is(*vips);
  return true;
}

void compare_quality(int width, const std::vector<std::string>& names) {
  double sums[kWays] = {}, worst_loss = 0;
  int count = 0;
  for (const std::string& name : names) {
    double db[kWays];
    if (!measure(read_file(name), width, db)) {
      std::printf("%s: not measured\n", base_of(name).c_str());
      continue;
    }
    std::printf("%-8s to %d:", base_of(name).c_str(), width);
    for (int way = 0; way < kWays; ++way) {
      std::printf(" %s %.1f", kWayNames[way], db[way]);
      sums[way] += db[way];
    }
    std::puts("");
    worst_loss = std::max(worst_loss, db[kServedVips] - db[kServedOwn]);
    ++count;
  }
  std::printf("MEAN of %d to %d:", count, width);
  for (int way = 0; way < kWays; ++way) std::printf(" %s %.2f", kWayNames[way], sums[way] / count);
  std::printf("; own below libvips' way by %.2f dB at most\n", worst_loss);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const std::vector<std::string> names(argv + 3, argv + argc);
  const int number = std::atoi(argv[2]);
  if (std::strcmp(argv[1], "time") == 0) time_files(number, names);
  if (std::strcmp(argv[1], "quality") == 0) {
    if (vips_init(argv[0]) != 0) return 1;
    compare_quality(number, names);
  }
  return 0;
}
