// The loops of the JPEG decoder for wide registers, and which coefficients a transform wants.
// Owns nothing. Any thread.
// Promises: the same bytes on every level of the processor; supported() is false where there are
// none, and then nothing here may be called.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "imgring/codec/jpeg_decoder.h"

namespace imgring::codec::jpeg {

// Blocks of a set: their coefficients lie as [slot][lane], so that a transform is plain vertical
// arithmetic, and only its result is brought into the order of pixels.
inline constexpr int kLanes = 16;
// Fraction bits of a transform's input and of what is between its two directions: with 6, results
// are as near to exact ones as libjpeg-turbo's. Whatever pixels can make stays below 389 on the
// way, and 389 * 64 below 2^15; the rest is for what quantisation adds.
inline constexpr int kFractionBits = 6;

// From a coefficient to the transform's input: coefficient * (whole + fraction / 2^15), rounded.
// The weights of the transform's first stage are in it.
struct Dequant {
  std::int16_t whole = 0, fraction = 0;
};

// Sixteen blocks into `ny` rows of 16 * nx pixels.
using SetTransform = void (*)(const std::int16_t* set, const Dequant* dequant, std::uint8_t* out,
                              std::ptrdiff_t stride);
struct TransformSize {
  int nx, ny;  // pixels that a block becomes
  bool operator==(const TransformSize&) const = default;
};

// Coefficients of one direction that n pixels of a block are made of, and their weights.
struct AxisInputs {
  int count = 0;
  std::array<std::uint8_t, 8> at{};
  std::array<double, 8> scale{};
};
AxisInputs inputs_of(JpegKernel kernel, int n) noexcept;

// Entropy-coded bytes are copied until `out` is at its limit or beyond by a register.
struct Unstuffing {
  const std::uint8_t *in, *in_end;
  std::uint8_t *out, *out_limit;
};
inline constexpr int kRegisterBytesMax = 32;  // that a store may go beyond what it is for

struct ColourPlanes {
  const std::uint8_t *first, *second, *third;
};

struct Loops {
  SetTransform (*transform)(JpegKernel kernel, TransformSize size);  // null: there is none
  // True: at a marker, or at the end. `in` is where it stands.
  bool (*unstuff)(Unstuffing* u);
  // Pixels in steps of 16: planes are readable that far, and `rgb` takes them.
  void (*colour)(const ColourPlanes& planes, std::uint8_t* rgb, int count);
  void (*interleave)(const ColourPlanes& planes, std::uint8_t* rgb, int count);
  // Triangle filters of chroma: near * weight + far.
  void (*blend)(const std::uint8_t* near, const std::uint8_t* far, std::int16_t* sums, int count);
  // (sum + half) >> 2.
  void (*narrow)(const std::int16_t* sums, int half, std::uint8_t* out, int count);
  // Two pixels for each sum, of which one before the first and one behind the last are looked at.
  // The sums' own weight is 2^shift / 4.
  void (*widen)(const std::int16_t* sums, int shift, std::uint8_t* out, int count);
};

bool supported() noexcept;
// The best this machine has.
const Loops& loops() noexcept;
// Those of each level, by Highway's name. For tests: no other thread may ask for loops meanwhile.
struct NamedLoops {
  const char* name;
  const Loops* loops;
};
std::vector<NamedLoops> loops_of_all_levels();

}  // namespace imgring::codec::jpeg
