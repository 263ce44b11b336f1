// Few colours for many: a histogram, boxes of it split where that takes away most of the error, and
// each colour given to the nearest mean.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <unordered_map>

#include "imgring/base/check.h"
#include "imgring/info/colours.h"

namespace imgring::info {
namespace {

// Of premultiplied channels and alpha, so that what hardly shows hardly counts.
using Point = std::array<double, 4>;

struct Entry {
  Point point{};
  double count = 0;
};

std::uint32_t key_of(const std::uint8_t* p) noexcept {
  if (p[3] == 0) return 0;
  return static_cast<std::uint32_t>(p[0]) << 24 | static_cast<std::uint32_t>(p[1]) << 16 |
         static_cast<std::uint32_t>(p[2]) << 8 | p[3];
}
Rgba color_of(std::uint32_t key) noexcept {
  return {static_cast<std::uint8_t>(key >> 24), static_cast<std::uint8_t>(key >> 16),
          static_cast<std::uint8_t>(key >> 8), static_cast<std::uint8_t>(key)};
}

Point point_of(const Rgba& c) noexcept {
  const double alpha = c.a / 255.0;
  return {c.r * alpha, c.g * alpha, c.b * alpha, static_cast<double>(c.a)};
}
Rgba color_of(const Point& p) noexcept {
  const auto alpha = static_cast<std::uint8_t>(std::lround(std::clamp(p[3], 0.0, 255.0)));
  if (alpha == 0) return {};
  const auto channel = [&](double v) {
    return static_cast<std::uint8_t>(std::lround(std::clamp(v * 255 / p[3], 0.0, 255.0)));
  };
  return {channel(p[0]), channel(p[1]), channel(p[2]), alpha};
}

// In the order of their keys, so that equal pictures have equal palettes.
std::vector<Counted> histogram(const Pixels& pixels) {
  std::unordered_map<std::uint32_t, std::size_t> counts;
  for (std::size_t i = 0; i < pixels.count(); ++i) ++counts[key_of(pixels.at(i))];
  std::vector<Counted> out;
  out.reserve(counts.size());
  for (const auto& [key, count] : counts) out.push_back({color_of(key), count});
  std::ranges::sort(out, {}, [](const Counted& one) {
    const std::uint8_t bytes[] = {one.color.r, one.color.g, one.color.b, one.color.a};
    return key_of(bytes);
  });
  return out;
}

// Above so many colours, those that are equal in 5 bits of each channel count as their mean: the
// work is that number times the colours wanted, 256 at most.
constexpr std::size_t kEntriesMax = 4096;

std::vector<Entry> entries_of(const std::vector<Counted>& colors) {
  std::vector<Entry> out;
  if (colors.size() <= kEntriesMax) {
    for (const Counted& one : colors) {
      out.push_back({point_of(one.color), static_cast<double>(one.count)});
    }
    return out;
  }
  std::unordered_map<std::uint32_t, std::size_t> places;
  for (const Counted& one : colors) {
    const Rgba& c = one.color;
    const std::uint32_t coarse =
        (c.r >> 3u) << 15 | (c.g >> 3u) << 10 | (c.b >> 3u) << 5 | (c.a >> 3u);
    const auto [at, fresh] = places.emplace(coarse, out.size());
    if (fresh) out.emplace_back();
    Entry& entry = out[at->second];
    const auto count = static_cast<double>(one.count);
    const Point point = point_of(c);
    for (std::size_t i = 0; i < 4; ++i) entry.point[i] += point[i] * count;
    entry.count += count;
  }
  for (Entry& entry : out) {
    for (double& value : entry.point) value /= entry.count;
  }
  return out;
}

struct Box {
  std::size_t begin = 0, end = 0;
  Point mean{};
  std::size_t axis = 0;
  double error = 0;  // along that axis
};

Box box_of(std::span<const Entry> entries, std::size_t begin, std::size_t end) noexcept {
  Box box{begin, end};
  Point squares{};
  double count = 0;
  for (const Entry& entry : entries.subspan(begin, end - begin)) {
    for (std::size_t i = 0; i < 4; ++i) {
      box.mean[i] += entry.point[i] * entry.count;
      squares[i] += entry.point[i] * entry.point[i] * entry.count;
    }
    count += entry.count;
  }
  for (std::size_t i = 0; i < 4; ++i) {
    box.mean[i] /= count;
    const double error = squares[i] - box.mean[i] * box.mean[i] * count;
    if (error > box.error) {
      box.error = error;
      box.axis = i;
    }
  }
  return box;
}

std::vector<Point> split_means(std::vector<Entry>& entries, std::size_t colors_max) {
  constexpr double kNothing = 1e-3;  // doubles' noise
  std::vector<Box> boxes{box_of(entries, 0, entries.size())};
  while (boxes.size() < colors_max) {
    const auto worst = std::ranges::max_element(boxes, {}, &Box::error);
    if (worst->error < kNothing) break;
    const Box whole = *worst;
    const auto middle = std::partition(
        entries.begin() + static_cast<std::ptrdiff_t>(whole.begin),
        entries.begin() + static_cast<std::ptrdiff_t>(whole.end),
        [&](const Entry& entry) { return entry.point[whole.axis] <= whole.mean[whole.axis]; });
    const auto at = static_cast<std::size_t>(middle - entries.begin());
    if (at == whole.begin || at == whole.end) {
      worst->error = 0;
      continue;
    }
    *worst = box_of(entries, whole.begin, at);
    boxes.push_back(box_of(entries, at, whole.end));
  }
  std::vector<Point> means;
  for (const Box& box : boxes) means.push_back(box.mean);
  return means;
}

std::size_t nearest(const std::vector<Point>& means, const Point& point) noexcept {
  std::size_t best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < means.size(); ++i) {
    double distance = 0;
    for (std::size_t c = 0; c < 4; ++c) {
      const double d = means[i][c] - point[c];
      distance += d * d;
    }
    if (distance < least) {
      least = distance;
      best = i;
    }
  }
  return best;
}

// Means move to the middle of what is nearest to them; gives how many pixels each has.
std::vector<double> refine(const std::vector<Entry>& entries, std::vector<Point>* means) {
  constexpr int kRounds = 4;  // more changed no value of test pictures by 2
  std::vector<double> counts;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Point> sums(means->size());
    counts.assign(means->size(), 0);
    for (const Entry& entry : entries) {
      const std::size_t at = nearest(*means, entry.point);
      for (std::size_t c = 0; c < 4; ++c) sums[at][c] += entry.point[c] * entry.count;
      counts[at] += entry.count;
    }
    for (std::size_t i = 0; i < sums.size(); ++i) {
      if (counts[i] == 0) continue;
      for (std::size_t c = 0; c < 4; ++c) (*means)[i][c] = sums[i][c] / counts[i];
    }
  }
  return counts;
}

}  // namespace

std::vector<Counted> quantise(const Pixels& pixels, int colors_max) {
  IMGRING_CHECK(pixels.rgba.size() == pixels.count() * 4);
  IMGRING_CHECK(colors_max > 0);
  std::vector<Counted> out = histogram(pixels);
  if (out.size() > static_cast<std::size_t>(colors_max)) {
    std::vector<Entry> entries = entries_of(out);
    std::vector<Point> means = split_means(entries, static_cast<std::size_t>(colors_max));
    const std::vector<double> counts = refine(entries, &means);
    out.clear();
    for (std::size_t i = 0; i < means.size(); ++i) {
      if (counts[i] > 0) out.push_back({color_of(means[i]), static_cast<std::size_t>(counts[i])});
    }
  }
  std::ranges::stable_sort(out, std::ranges::greater{}, &Counted::count);
  return out;
}

}  // namespace imgring::info
