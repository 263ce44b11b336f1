// Weights of the coefficients, in doubles: they become part of the dequantisation.
#include <cmath>

#include "loops.h"

namespace imgring::codec::jpeg {
namespace {

constexpr double kPi = 3.14159265358979323846;

// A box of 2 points sees the odd coefficients as one, a box of 4 does not see the fourth.
bool wanted(JpegKernel kernel, int n, int u) noexcept {
  if (kernel == JpegKernel::kLow || n == 1 || n == 8) return u < n;
  return n == 4 ? u != 4 : u == 0 || u % 2 == 1;
}

// The low coefficient that the mean of 8 / n neighbours makes of a high one.
int folded(JpegKernel kernel, int n, int u) noexcept {
  if (kernel == JpegKernel::kLow || n == 8 || u == 0) return u;
  return n == 2 ? 1 : u <= 4 ? u : 8 - u;
}

// The mean of 8 / n neighbours of cosine u, seen against cosine `to` of n points.
double mean_of_cosine(int n, int u, int to) noexcept {
  const int each = 8 / n;
  double mean = 0;
  for (int i = 0; i < each; ++i) mean += std::cos((2 * i + 1) * u * kPi / 16) / each;
  return mean / std::cos(to * kPi / (2 * n));
}

// What the first stage of the transform in loops.cc leaves to us.
double first_stage(int n, int to) noexcept {
  const double root = std::sqrt(2.0);
  if (n == 4 && to % 2 == 1) return root * std::cos(kPi / 8);
  if (n == 2 && to == 1) return root * std::cos(kPi / 4);
  if (n == 8 && to > 0) return root * std::cos(to * kPi / 16);
  return 1;
}

}  // namespace

AxisInputs inputs_of(JpegKernel kernel, int n) noexcept {
  AxisInputs out;
  for (int u = 0; u < 8; ++u) {
    if (!wanted(kernel, n, u)) continue;
    const int to = folded(kernel, n, u);
    double weight = 1 / std::sqrt(8.0);  // of a coefficient among 8 orthonormal points
    if (kernel == JpegKernel::kBox && n < 8 && u > 0) weight *= mean_of_cosine(n, u, to);
    const auto slot = static_cast<std::size_t>(out.count++);
    out.at[slot] = static_cast<std::uint8_t>(u);
    out.scale[slot] = weight * first_stage(n, to);
  }
  return out;
}

}  // namespace imgring::codec::jpeg
