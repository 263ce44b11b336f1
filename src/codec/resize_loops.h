// What the plain loops and those of wide registers have in common: the arithmetic that makes them
// give the same bytes.
// Owns nothing. Any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "imgring/codec/resize.h"

namespace imgring::codec {

inline constexpr int kWeightBits = 14, kWeightOne = 1 << kWeightBits;
inline constexpr int kDownBits = kWeightBits - kFineBits, kDownHalf = 1 << (kDownBits - 1);
inline constexpr int kAcrossBits = kWeightBits + kFineBits, kAcrossHalf = 1 << (kAcrossBits - 1);
inline constexpr int kTapsStep = 4;

// Weights overshoot by a half at most, and 255 * 1.5 * 64 fits 16 bit.
inline std::int16_t fine(int sum) noexcept { return static_cast<std::int16_t>(sum >> kDownBits); }
inline std::uint8_t narrowed(int sum) noexcept {
  return static_cast<std::uint8_t>(std::clamp(sum >> kAcrossBits, 0, 255));
}

// c * a / 255 rounded to the nearest, for bytes.
inline std::uint8_t multiplied(std::uint32_t colour, std::uint32_t alpha) noexcept {
  const std::uint32_t product = colour * alpha + 128;
  return static_cast<std::uint8_t>((product + (product >> 8)) >> 8);
}

// Division by the samples of a box: a factor of 2^23 / n. With kBoxMax it is wrong by 0.06 of a
// level at most.
inline constexpr int kMeanBits = 23;
inline std::uint32_t mean_factor(const BoxMeans& boxes) noexcept {
  const auto count = static_cast<std::uint32_t>(boxes.across * boxes.down);
  return ((1u << kMeanBits) + count / 2) / count;
}
inline std::uint8_t mean(std::uint32_t sum, std::uint32_t factor) noexcept {
  const std::uint32_t whole = (sum * factor + (1u << (kMeanBits - 1))) >> kMeanBits;
  return static_cast<std::uint8_t>(std::min(whole, 255u));
}

template <int kBands>
void means_plain(const std::uint16_t* sums, const BoxMeans& boxes, std::uint8_t* out) {
  const std::uint32_t factor = mean_factor(boxes);
  for (std::size_t i = 0; i < boxes.count; ++i, out += kBands) {
    std::uint32_t box[kBands] = {};
    for (int k = 0; k < boxes.across; ++k, sums += kBands) {
      for (int band = 0; band < kBands; ++band) box[band] += sums[band];
    }
    for (int band = 0; band < kBands; ++band) out[band] = mean(box[band], factor);
  }
}

inline void add_stretch(const std::uint8_t* __restrict row, std::size_t size_bytes,
                        std::uint16_t* __restrict sums) noexcept {
  for (std::size_t i = 0; i < size_bytes; ++i)
    sums[i] = static_cast<std::uint16_t>(sums[i] + row[i]);
}

inline void premultiply_stretch(const std::uint8_t* in, std::size_t pixel_count,
                                std::uint8_t* out) noexcept {
  for (std::size_t i = 0; i < pixel_count; ++i, in += 4, out += 4) {
    const std::uint8_t alpha = in[3];
    for (int band = 0; band < 3; ++band) out[band] = multiplied(in[band], alpha);
    out[3] = alpha;
  }
}

}  // namespace imgring::codec
