// The published algorithms, in doubles.
#include "imgring/info/hashes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string_view>

#include "imgring/base/check.h"

namespace imgring::info {
namespace {

using std::numbers::pi;

// ---- BlurHash

constexpr std::string_view kDigits =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";
static_assert(kDigits.size() == 83);

using Triple = std::array<double, 3>;

double to_linear(double value) noexcept {
  const double v = value / 255;
  return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
}
int to_srgb(double value) noexcept {
  const double v = std::clamp(value, 0.0, 1.0);
  if (v <= 0.0031308) return static_cast<int>(v * 12.92 * 255 + 0.5);
  return static_cast<int>((1.055 * std::pow(v, 1 / 2.4) - 0.055) * 255 + 0.5);
}

void put_digits(std::string* out, int value, int count) {
  int divisor = 1;
  for (int i = 1; i < count; ++i) divisor *= 83;
  for (; divisor > 0; divisor /= 83)
    *out += kDigits[static_cast<std::size_t>(value / divisor % 83)];
}

// Over white: 8 bits again, so that opaque pictures lose nothing.
std::vector<Triple> linear_over_white(const Pixels& pixels) {
  std::array<double, 256> linear{};
  for (int i = 0; i < 256; ++i) linear[static_cast<std::size_t>(i)] = to_linear(i);
  std::vector<Triple> out(pixels.count());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::uint8_t* p = pixels.at(i);
    for (std::size_t band = 0; band < 3; ++band) {
      const int over = (p[band] * p[3] + 255 * (255 - p[3]) + 127) / 255;
      out[i][band] = linear[static_cast<std::size_t>(over)];
    }
  }
  return out;
}

// cos(pi * k * i / n) for all i. What is 0 by arithmetic is rounding in doubles, and decides bits:
// so each is multiplied in the order of the published code.
std::vector<double> cosines(int k, int n) {
  std::vector<double> out(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) out[static_cast<std::size_t>(i)] = std::cos(pi * k * i / n);
  return out;
}
// The same from the middles of pixels.
std::vector<double> middle_cosines(int k, int n) {
  std::vector<double> out(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) out[static_cast<std::size_t>(i)] = std::cos(pi / n * k * (i + 0.5));
  return out;
}

Triple blur_factor(const std::vector<Triple>& linear, const Pixels& size, int i, int j) {
  const std::vector<double> across = cosines(i, size.width), down = cosines(j, size.height);
  Triple sum{};
  std::size_t at = 0;
  for (const double y : down) {
    for (const double x : across) {
      for (std::size_t band = 0; band < 3; ++band) sum[band] += x * y * linear[at][band];
      ++at;
    }
  }
  const double norm = (i == 0 && j == 0 ? 1.0 : 2.0) / static_cast<double>(size.count());
  for (double& value : sum) value *= norm;
  return sum;
}

// 19 levels by the root of what is left of the maximum.
int ac_level(double value, double most) noexcept {
  const double part = value / most;
  const double root = std::copysign(std::sqrt(std::abs(part)), part);
  return std::clamp(static_cast<int>(std::floor(root * 9 + 9.5)), 0, 18);
}

// ---- ThumbHash

int round_up(double value) noexcept { return static_cast<int>(std::floor(value + 0.5)); }

struct Channel {
  double dc = 0, scale = 0;
  std::vector<double> ac;
};

Channel encode_channel(const std::vector<double>& values, const Pixels& size, int nx, int ny) {
  Channel out;
  for (int cy = 0; cy < ny; ++cy) {
    const std::vector<double> down = middle_cosines(cy, size.height);
    for (int cx = 0; cx * ny < nx * (ny - cy); ++cx) {
      const std::vector<double> across = middle_cosines(cx, size.width);
      double f = 0;
      std::size_t at = 0;
      for (const double y : down) {
        for (const double x : across) f += values[at++] * x * y;
      }
      f /= static_cast<double>(size.count());
      if (cx == 0 && cy == 0) {
        out.dc = f;
        continue;
      }
      out.ac.push_back(f);
      out.scale = std::max(out.scale, std::abs(f));
    }
  }
  if (out.scale > 0) {
    for (double& f : out.ac) f = 0.5 + 0.5 / out.scale * f;
  }
  return out;
}

// Luminance, yellow - blue, red - green, alpha; over the average colour.
struct Lpqa {
  std::array<std::vector<double>, 4> channels;
  bool alpha = false;
};

Lpqa to_lpqa(const Pixels& pixels) {
  double r = 0, g = 0, b = 0, a = 0;
  for (std::size_t i = 0; i < pixels.count(); ++i) {
    const std::uint8_t* p = pixels.at(i);
    const double alpha = p[3] / 255.0;
    r += alpha / 255 * p[0];
    g += alpha / 255 * p[1];
    b += alpha / 255 * p[2];
    a += alpha;
  }
  if (a > 0) {
    r /= a;
    g /= a;
    b /= a;
  }
  Lpqa out;
  out.alpha = a < static_cast<double>(pixels.count());
  for (auto& channel : out.channels) channel.resize(pixels.count());
  for (std::size_t i = 0; i < pixels.count(); ++i) {
    const std::uint8_t* p = pixels.at(i);
    const double alpha = p[3] / 255.0;
    const double red = r * (1 - alpha) + alpha / 255 * p[0];
    const double green = g * (1 - alpha) + alpha / 255 * p[1];
    const double blue = b * (1 - alpha) + alpha / 255 * p[2];
    out.channels[0][i] = (red + green + blue) / 3;
    out.channels[1][i] = (red + green) / 2 - blue;
    out.channels[2][i] = red - green;
    out.channels[3][i] = alpha;
  }
  return out;
}

void put_bits(std::vector<std::uint8_t>* out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out->push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

std::uint32_t bits(double value) noexcept { return static_cast<std::uint32_t>(round_up(value)); }

// Two of four bits a byte, the lower half first.
void put_ac(std::vector<std::uint8_t>* out, const std::vector<Channel>& channels) {
  std::size_t index = 0;
  for (const Channel& channel : channels) {
    for (const double f : channel.ac) {
      const auto half = static_cast<std::uint8_t>(round_up(15 * f));
      if (index++ % 2 == 0) {
        out->push_back(half);
      } else {
        out->back() = static_cast<std::uint8_t>(out->back() | half << 4);
      }
    }
  }
}

}  // namespace

std::string blurhash(const Pixels& pixels, BlurhashSize components) {
  IMGRING_CHECK(pixels.rgba.size() == pixels.count() * 4);
  const std::vector<Triple> linear = linear_over_white(pixels);
  std::vector<Triple> factors;
  double most = 0;
  for (int j = 0; j < components.y; ++j) {
    for (int i = 0; i < components.x; ++i) {
      factors.push_back(blur_factor(linear, pixels, i, j));
      if (i == 0 && j == 0) continue;
      for (const double value : factors.back()) most = std::max(most, std::abs(value));
    }
  }
  std::string out;
  put_digits(&out, components.x - 1 + (components.y - 1) * 9, 1);
  int level = 0;
  if (factors.size() > 1) {
    level = std::clamp(static_cast<int>(std::floor(most * 166 - 0.5)), 0, 82);
  }
  most = factors.size() > 1 ? (level + 1) / 166.0 : 1;
  put_digits(&out, level, 1);
  const Triple& dc = factors.front();
  put_digits(&out, (to_srgb(dc[0]) << 16) + (to_srgb(dc[1]) << 8) + to_srgb(dc[2]), 4);
  for (std::size_t i = 1; i < factors.size(); ++i) {
    const Triple& f = factors[i];
    put_digits(&out, (ac_level(f[0], most) * 19 + ac_level(f[1], most)) * 19 + ac_level(f[2], most),
               2);
  }
  return out;
}

std::vector<std::uint8_t> thumb_hash(const Pixels& pixels) {
  IMGRING_CHECK(pixels.rgba.size() == pixels.count() * 4);
  IMGRING_CHECK(pixels.width <= kThumbHashSideMax);
  IMGRING_CHECK(pixels.height <= kThumbHashSideMax);
  const Lpqa lpqa = to_lpqa(pixels);
  const int limit = lpqa.alpha ? 5 : 7;  // fewer bits of luminance where there is alpha
  const double longer = std::max(pixels.width, pixels.height);
  const int lx = std::max(1, round_up(limit * pixels.width / longer));
  const int ly = std::max(1, round_up(limit * pixels.height / longer));
  std::vector<Channel> channels;
  channels.push_back(encode_channel(lpqa.channels[0], pixels, std::max(3, lx), std::max(3, ly)));
  channels.push_back(encode_channel(lpqa.channels[1], pixels, 3, 3));
  channels.push_back(encode_channel(lpqa.channels[2], pixels, 3, 3));
  if (lpqa.alpha) channels.push_back(encode_channel(lpqa.channels[3], pixels, 5, 5));
  const Channel &l = channels[0], &p = channels[1], &q = channels[2];
  const bool landscape = pixels.width > pixels.height;
  std::vector<std::uint8_t> out;
  put_bits(&out,
           bits(63 * l.dc) | bits(31.5 + 31.5 * p.dc) << 6 | bits(31.5 + 31.5 * q.dc) << 12 |
               bits(31 * l.scale) << 18 | (lpqa.alpha ? 1u << 23 : 0u),
           3);
  put_bits(&out,
           static_cast<std::uint32_t>(landscape ? ly : lx) | bits(63 * p.scale) << 3 |
               bits(63 * q.scale) << 9 | (landscape ? 1u << 15 : 0u),
           2);
  if (lpqa.alpha) put_bits(&out, bits(15 * channels[3].dc) | bits(15 * channels[3].scale) << 4, 1);
  put_ac(&out, channels);
  return out;
}

std::uint64_t perceptual_hash(ByteSpan grey) {
  constexpr int kSide = kPerceptualSide, kLow = 8;
  IMGRING_CHECK(grey.size() == static_cast<std::size_t>(kSide * kSide));
  std::array<std::vector<double>, kLow> basis;
  for (int k = 0; k < kLow; ++k) basis[static_cast<std::size_t>(k)] = middle_cosines(k, kSide);
  std::array<double, kLow * kLow> low{};
  for (std::size_t v = 0; v < kLow; ++v) {
    for (std::size_t y = 0; y < kSide; ++y) {
      for (std::size_t u = 0; u < kLow; ++u) {
        double sum = 0;
        for (std::size_t x = 0; x < kSide; ++x) sum += basis[u][x] * grey[y * kSide + x];
        low[v * kLow + u] += basis[v][y] * sum;
      }
    }
  }
  std::array<double, kLow * kLow> sorted = low;
  std::ranges::sort(sorted);
  const double median = (sorted[31] + sorted[32]) / 2;
  // What is 0 by arithmetic is not quite in doubles: 1024 pixels of 255 leave some 1e-10.
  constexpr double kZero = 1e-6;
  std::uint64_t hash = 0;
  for (const double value : low) hash = hash << 1 | (value - median > kZero ? 1u : 0u);
  return hash;
}

}  // namespace imgring::info
