// Sizes and scales of processing.md section 5, in IEEE doubles and in its order of operations: a
// changed order of divisions changes results by a pixel.
// Owns nothing. Any thread.
#include <algorithm>
#include <cmath>
#include <limits>

#include "imgring/pipeline/plan.h"

namespace imgring::pipeline {
namespace {

using url::PixelOptions;
using url::ResizingType;

int to_int(double v) noexcept {
  constexpr double kMax = std::numeric_limits<int>::max();
  if (std::isnan(v)) return 0;
  return static_cast<int>(std::clamp(v, -kMax, kMax));
}

int crop_side(int side, double crop) noexcept {
  if (crop == 0) return 0;
  return crop >= 1 ? to_int(std::trunc(crop)) : std::max(1, scaled(side, crop));
}

struct Sides {
  int w, h;  // what is left of the source after the crop
};

// crop_aspect_ratio: the crop, or the whole picture, in that ratio. Sides of at least 1.
void correct_crop(Geometry* g, const url::CropAspectRatio& wanted) {
  if (wanted.ratio <= 0) return;
  const auto side = [](double v) { return std::max(1, round_away(v)); };
  double w = min_nonzero(g->crop_width, g->source_width);
  double h = min_nonzero(g->crop_height, g->source_height);
  w = std::min<double>(w, g->source_width);
  h = std::min<double>(h, g->source_height);
  const bool wide = w / h > wanted.ratio;
  if (wide != wanted.enlarge) {
    w = side(h * wanted.ratio);
  } else {
    h = side(w / wanted.ratio);
  }
  const double fit = std::min({g->source_width / w, g->source_height / h, 1.0});
  g->crop_width = side(w * fit);
  g->crop_height = side(h * fit);
}

struct Shrinks {
  double ws = 1, hs = 1;
};

ResizingType effective_type(const PixelOptions& o, Sides in, double dst_w, double dst_h) {
  if (o.resizing_type != ResizingType::kAuto) return o.resizing_type;
  const double source = in.w - in.h;
  const double target = dst_w - dst_h;
  return (source >= 0) == (target >= 0) ? ResizingType::kFill : ResizingType::kFit;
}

Shrinks requested_shrinks(const PixelOptions& o, Sides in) {
  const double dst_w = o.width ? o.width : in.w;
  const double dst_h = o.height ? o.height : in.h;
  Shrinks s;
  if (dst_w != in.w) s.ws = in.w / dst_w;
  if (dst_h != in.h) s.hs = in.h / dst_h;
  if (s.ws == 1 && s.hs == 1) return s;
  const ResizingType type = effective_type(o, in, dst_w, dst_h);
  if (type == ResizingType::kForce) return s;
  if (o.width == 0) {
    s.ws = s.hs;
  } else if (o.height == 0) {
    s.hs = s.ws;
  } else if (type == ResizingType::kFit) {
    s.ws = s.hs = std::max(s.ws, s.hs);
  } else {
    s.ws = s.hs = std::min(s.ws, s.hs);
  }
  return s;
}

void set_scales(Geometry* g, const PixelOptions& o, Sides in, bool vector) {
  Shrinks s = requested_shrinks(o, in);
  s.ws /= o.zoom_width;
  s.hs /= o.zoom_height;
  g->dpr = o.dpr;
  if (!o.enlarge && !vector) {
    const double least = std::min(s.ws, s.hs);
    if (least < 1) {
      s.ws /= least;
      s.hs /= least;
      if (!o.extend.on) g->dpr /= least;
    }
    g->dpr = std::min(g->dpr, std::min(s.ws, s.hs));
  }
  if (o.min_width > 0) {
    const double most = static_cast<double>(in.w) / o.min_width;
    if (most < s.ws) {
      s.hs /= s.ws / most;
      s.ws = most;
    }
  }
  if (o.min_height > 0) {
    const double most = static_cast<double>(in.h) / o.min_height;
    if (most < s.hs) {
      s.ws /= s.hs / most;
      s.hs = most;
    }
  }
  s.ws = std::min(s.ws / g->dpr, static_cast<double>(in.w));
  s.hs = std::min(s.hs / g->dpr, static_cast<double>(in.h));
  g->width_scale = 1 / s.ws;
  g->height_scale = 1 / s.hs;
}

double ratio(int a, int b) noexcept { return static_cast<double>(a) / b; }

void set_extend_ar(Geometry* g) {
  g->extend_ar_width = g->extend_ar_height = 0;
  if (g->target_width <= 0 || g->target_height <= 0) return;
  const int w = min_nonzero(g->scaled_width, g->result_crop_width);
  const int h = min_nonzero(g->scaled_height, g->result_crop_height);
  const double a = ratio(g->target_width, w);
  const double b = ratio(g->target_height, h);
  if (b > a) {
    g->extend_ar_width = w;
    g->extend_ar_height = scaled(w, ratio(g->target_height, g->target_width));
  } else if (a > b) {
    g->extend_ar_height = h;
    g->extend_ar_width = scaled(h, ratio(g->target_width, g->target_height));
  }
}

void set_sizes(Geometry* g, const PixelOptions& o, Sides in) {
  g->target_width = scaled(o.width, g->dpr * o.zoom_width);
  g->target_height = scaled(o.height, g->dpr * o.zoom_height);
  g->scaled_width = scaled(in.w, g->width_scale);
  g->scaled_height = scaled(in.h, g->height_scale);
  g->result_crop_width = g->target_width;
  g->result_crop_height = g->target_height;
  if (o.resizing_type == ResizingType::kFillDown && !o.enlarge) {
    const double a = ratio(g->target_width, g->scaled_width);
    const double b = ratio(g->target_height, g->scaled_height);
    if (a > b && a > 1) {
      g->result_crop_height = scaled(g->scaled_width, ratio(g->target_height, g->target_width));
      g->result_crop_width = g->scaled_width;
    } else if (b > a && b > 1) {
      g->result_crop_width = scaled(g->scaled_height, ratio(g->target_width, g->target_height));
      g->result_crop_height = g->scaled_height;
    }
  }
  if (o.extend_aspect_ratio.on) set_extend_ar(g);
}

// max_result_dimension.
void limit_result(Geometry* g, const PixelOptions& o, int limit, Sides in) {
  if (limit <= 0) return;
  std::int64_t w = min_nonzero(g->scaled_width, g->result_crop_width);
  std::int64_t h = min_nonzero(g->scaled_height, g->result_crop_height);
  if (o.extend.on) {
    w = std::max<std::int64_t>(w, g->target_width);
    h = std::max<std::int64_t>(h, g->target_height);
  } else if (o.extend_aspect_ratio.on) {
    w = std::max<std::int64_t>(w, g->extend_ar_width);
    h = std::max<std::int64_t>(h, g->extend_ar_height);
  }
  const auto& pad = o.padding;
  w += std::int64_t{scaled_even(pad.left, g->dpr)} + scaled_even(pad.right, g->dpr);
  h += std::int64_t{scaled_even(pad.top, g->dpr)} + scaled_even(pad.bottom, g->dpr);
  const std::int64_t longest = std::max(w, h);
  if (longest <= limit) return;
  const double down = limit / static_cast<double>(longest);
  g->width_scale = std::max(g->width_scale * down, 1.0 / in.w);
  g->height_scale = std::max(g->height_scale * down, 1.0 / in.h);
  g->dpr *= down;
  set_sizes(g, o, in);
}

}  // namespace

int round_away(double v) noexcept { return to_int(std::round(v)); }
int round_even(double v) noexcept { return to_int(std::nearbyint(v)); }
int scaled(int size, double factor) noexcept { return size == 0 ? 0 : round_away(size * factor); }
int scaled_even(int size, double factor) noexcept {
  return size == 0 ? 0 : round_even(size * factor);
}
int min_nonzero(int a, int b) noexcept {
  if (a == 0) return b;
  return b == 0 ? a : std::min(a, b);
}
int resized(int size, double factor) noexcept {
  const double exact = factor < 1 ? size / (1 / factor) : size * factor;
  return std::max(1, to_int(std::floor(exact + 0.5)));
}

Turn turn_of(int orientation, bool auto_rotate) noexcept {
  static constexpr Turn kTurns[] = {{0, false}, {0, false},  {0, true},   {180, false}, {180, true},
                                    {90, true}, {90, false}, {270, true}, {270, false}};
  return auto_rotate && orientation >= 1 && orientation <= 8 ? kTurns[orientation] : Turn{};
}

Size turned_size(const SourceFacts& facts, const PixelOptions& options) noexcept {
  const int angle = turn_of(facts.orientation, options.auto_rotate).angle + options.rotate;
  if (angle % 180 == 0) return {facts.width, facts.height};
  return {facts.height, facts.width};
}

Geometry compute_geometry(const SourceFacts& facts, const PixelOptions& options,
                          int max_result_dimension) {
  Geometry g;
  const Size source = turned_size(facts, options);
  g.source_width = source.width;
  g.source_height = source.height;
  g.crop_width = crop_side(source.width, options.crop.width);
  g.crop_height = crop_side(source.height, options.crop.height);
  correct_crop(&g, options.crop_aspect_ratio);
  const Sides in{min_nonzero(g.crop_width, source.width),
                 min_nonzero(g.crop_height, source.height)};
  set_scales(&g, options, in, facts_of(facts.type).vector && !facts.rendered);
  set_sizes(&g, options, in);
  limit_result(&g, options, max_result_dimension, in);
  return g;
}

}  // namespace imgring::pipeline
