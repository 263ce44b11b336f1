// Weights by libvips' formulas, and the loops in plain C++ (those of wide registers:
// resize_loops.cc). Sums are exact in 32 bit and narrowed the same way everywhere, so that the
// order of additions does not matter.
#include "imgring/codec/resize.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "imgring/base/check.h"
#include "resize_loops.h"

namespace imgring::codec {
namespace {

constexpr double kLobes = 3;

// sin a sin 3a / 3a^2, of a third of the angle that Lanczos' formula has, and its sine: sin 3a is
// sin a (3 - 4 sin^2 a).
double lanczos(double third, double sine) noexcept {
  constexpr double kTiny = 1e-6;
  if (std::abs(third) < kTiny) return 1;
  if (std::abs(third) >= std::numbers::pi) return 0;
  return sine * sine * (3 - 4 * sine * sine) / (kLobes * third * third);
}

// Sine and cosine of an angle.
struct Turn {
  double sine = 0, cosine = 1;
  static Turn of(double angle) noexcept { return {std::sin(angle), std::cos(angle)}; }
  // Of both angles together: a step from one pixel to the next without asking for a sine, which
  // were a thirtieth of a small job.
  Turn operator+(const Turn& more) const noexcept {
    return {sine * more.cosine + cosine * more.sine, cosine * more.cosine - sine * more.sine};
  }
};

// What one result pixel is made of; in boxes.
struct Window {
  int first = 0, last = 0;  // within the axis
  double centre = 0;
};

// The axis with boxes for pixels.
struct Boxed {
  int box = 1, size = 0;  // the last box may be larger than what is left: its last pixel repeats
  double shrink = 1, start = 0;
  double reach = 0;  // how far from its centre a result pixel looks
  double third = 0;  // from one box to the next, of lanczos()
  Turn turn;
};

double start_of(const ResizeAxis& axis) noexcept {
  return axis.start.value_or((axis.size - axis.resized * axis.shrink) / 2);
}

bool identical(const ResizeAxis& axis) noexcept {
  return axis.shrink == 1 && axis.size == axis.resized && start_of(axis) == 0;
}

Boxed boxed(const ResizeAxis& axis) noexcept {
  Boxed b;
  b.box = box_of(axis);
  b.size = (axis.size + b.box - 1) / b.box;
  b.shrink = axis.shrink / b.box;
  b.start = start_of(axis) / b.box;
  b.reach = identical(axis) ? 0 : kLobes * b.shrink;
  b.third = std::numbers::pi / (kLobes * b.shrink);
  b.turn = Turn::of(b.third);
  return b;
}

Window window_of(const Boxed& b, int index) noexcept {
  Window w;
  w.centre = (index + 0.5) * b.shrink - 0.5 + b.start;
  w.first = std::clamp(static_cast<int>(std::ceil(w.centre - b.reach)), 0, b.size - 1);
  w.last = std::clamp(static_cast<int>(std::floor(w.centre + b.reach)), w.first, b.size - 1);
  return w;
}

// Rounding must not change the brightness: the heaviest pixel takes what is over.
void put_weights(const Boxed& b, const Window& w, std::int16_t* out) noexcept {
  double exact[kTapsMax] = {};
  double sum = 0;
  const int from = static_cast<int>(std::ceil(w.centre - b.reach));
  const int to = static_cast<int>(std::floor(w.centre + b.reach));
  Turn turn = Turn::of((from - w.centre) * b.third);
  for (int at = from; at <= to; ++at, turn = turn + b.turn) {
    const double weight = lanczos((at - w.centre) * b.third, turn.sine);
    exact[std::clamp(at, w.first, w.last) - w.first] += weight;
    sum += weight;
  }
  const double scale = kWeightOne / sum;
  int left = kWeightOne, heaviest = 0;
  for (int i = 0; i <= w.last - w.first; ++i) {
    const double weight = exact[i] * scale;
    const int rounded = static_cast<int>(weight < 0 ? weight - 0.5 : weight + 0.5);
    out[i] = static_cast<std::int16_t>(rounded);
    left -= rounded;
    if (out[i] > out[heaviest]) heaviest = i;
  }
  out[heaviest] = static_cast<std::int16_t>(out[heaviest] + left);
}

int rounded_up(int value, int step) noexcept { return (value + step - 1) / step * step; }

void down_plain(const std::uint8_t* const* rows, const std::int16_t* weights, int taps,
                std::size_t sample_count, std::int16_t* out) {
  constexpr std::size_t kBlock = 256;
  for (std::size_t start = 0; start < sample_count; start += kBlock) {
    const std::size_t size = std::min(kBlock, sample_count - start);
    int sums[kBlock];
    std::fill_n(sums, size, kDownHalf);
    for (int k = 0; k < taps; ++k) {
      const std::uint8_t* row = rows[k] + start;
      const int weight = weights[k];
      for (std::size_t i = 0; i < size; ++i) sums[i] += weight * row[i];
    }
    for (std::size_t i = 0; i < size; ++i) out[start + i] = fine(sums[i]);
  }
}

template <int kBands>
void across_plain(const std::int16_t* in, const AxisWeights& w, std::uint8_t* out) {
  const std::int16_t* weights = w.weights.data();
  for (const int first : w.first) {
    const std::int16_t* p = in + static_cast<std::ptrdiff_t>(first) * kBands;
    int sums[kBands];
    std::fill_n(sums, kBands, kAcrossHalf);
    for (int k = 0; k < w.taps_used; ++k, p += kBands) {
      for (int band = 0; band < kBands; ++band) sums[band] += weights[k] * p[band];
    }
    for (int band = 0; band < kBands; ++band) out[band] = narrowed(sums[band]);
    out += kBands;
    weights += w.taps;
  }
}

void add_plain(const std::uint8_t* row, std::size_t size_bytes, std::uint16_t* sums) {
  add_stretch(row, size_bytes, sums);
}
void premultiply_plain(const std::uint8_t* in, std::size_t pixel_count, std::uint8_t* out) {
  premultiply_stretch(in, pixel_count, out);
}

constexpr ResizeLoops kPlainLoops{
    down_plain,
    {across_plain<1>, across_plain<2>, across_plain<3>, across_plain<4>},
    add_plain,
    {means_plain<1>, means_plain<2>, means_plain<3>, means_plain<4>},
    premultiply_plain};

// 255 / alpha in 16.16. 255 * 255 * 65536 and a half fit 32 bit.
struct Reciprocals {
  std::array<std::uint32_t, 256> of{};
};
constexpr Reciprocals reciprocals() {
  Reciprocals r;
  for (std::uint32_t alpha = 1; alpha < 256; ++alpha)
    r.of[alpha] = (255u * 65536u + alpha / 2) / alpha;
  return r;
}
constexpr Reciprocals kReciprocals = reciprocals();

}  // namespace

void to_fine(const std::uint8_t* row, std::size_t sample_count, std::int16_t* out) noexcept {
  for (std::size_t i = 0; i < sample_count; ++i)
    out[i] = static_cast<std::int16_t>(row[i] << kFineBits);
}

void from_fine(const std::int16_t* row, std::size_t sample_count, std::uint8_t* out) noexcept {
  constexpr int kFineHalf = 1 << (kFineBits - 1);
  for (std::size_t i = 0; i < sample_count; ++i)
    out[i] = static_cast<std::uint8_t>(std::clamp((row[i] + kFineHalf) >> kFineBits, 0, 255));
}

int box_of(const ResizeAxis& axis) noexcept {
  constexpr int kGap = 2;  // what is left to reduce after the boxes, at least
  return std::max(1, axis.size / axis.resized / kGap);
}

AxisWeights make_weights(const ResizeAxis& axis) {
  IMGRING_CHECK(axis.count > 0);
  IMGRING_CHECK(axis.shrink >= 1);
  const Boxed b = boxed(axis);
  IMGRING_CHECK(b.box <= kBoxMax);
  AxisWeights out;
  out.box = b.box;
  std::vector<Window> windows;
  int longest = 0;
  for (int i = 0; i < axis.count; ++i) {
    const Window& w = windows.emplace_back(window_of(b, axis.first + i));
    longest = std::max(longest, w.last - w.first + 1);
  }
  out.taps = rounded_up(longest, kTapsStep);
  IMGRING_CHECK(out.taps <= kTapsMax);
  out.taps_used = rounded_up(longest, 2);
  out.source_first = windows.front().first;
  out.source_count = windows.back().last + 1 - out.source_first;
  out.weights.resize(static_cast<std::size_t>(axis.count) * static_cast<std::size_t>(out.taps));
  std::int16_t* weights = out.weights.data();
  for (const Window& w : windows) {
    out.first.push_back(w.first - out.source_first);
    put_weights(b, w, weights);
    weights += out.taps;
  }
  out.identical = identical(axis);
  return out;
}

const ResizeLoops& plain_resize_loops() noexcept { return kPlainLoops; }

void premultiply_grey(std::uint8_t* row, std::size_t pixel_count) noexcept {
  for (std::size_t i = 0; i < pixel_count; ++i, row += 2) row[0] = multiplied(row[0], row[1]);
}

void unpremultiply(std::uint8_t* row, std::size_t pixel_count, int bands) noexcept {
  const int colours = bands - 1;
  for (std::size_t i = 0; i < pixel_count; ++i, row += bands) {
    const std::uint32_t alpha = row[colours];
    if (alpha == 255) continue;
    const std::uint32_t factor = kReciprocals.of[alpha];
    for (int band = 0; band < colours; ++band) {
      const std::uint32_t colour = std::min<std::uint32_t>(row[band], alpha);
      row[band] = static_cast<std::uint8_t>((colour * factor + 32768) >> 16);
    }
  }
}

}  // namespace imgring::codec
