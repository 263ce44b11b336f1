// How like two pictures are: SSIM of Wang, Bovik, Sheikh and Simoncelli 2004 of their light, with a
// Gaussian window of 11 x 11 and sigma 1.5, K1 0.01, K2 0.03, over all places where the window lies
// inside. Values and plain functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace imgring::codec {

// 0.299 R + 0.587 G + 0.114 B of gamma values, 0..255, row by row.
struct Luma {
  int width = 0, height = 0;
  std::vector<float> values;
};

// Makes a picture's light from its rows. What is clear lies over mid grey (128); squares of
// `shrink` x `shrink` pixels become their mean, what is left at the right and below is left out.
class LumaMaker {
 public:
  struct Shape {
    int width, height;  // of the picture, each `shrink` at least
    int bands;          // 8 bits each: grey, grey and alpha, RGB, RGBA
    int shrink;
  };
  explicit LumaMaker(const Shape& shape);
  // From the top.
  void add_row(const std::uint8_t* row);
  Luma take() noexcept { return std::move(luma_); }

 private:
  Shape shape_;
  Luma luma_;
  std::vector<float> sums_;
  int rows_ = 0, out_ = 0;
};

// So that the shorter side is about 256: what a person sees of it at once.
int shrink_for_ssim(int width, int height) noexcept;

// -1..1, 1: equal. Of two of one size; a window no larger than the picture.
double ssim(const Luma& a, const Luma& b);
// 0..1, 0: equal.
inline double dssim(const Luma& a, const Luma& b) { return (1 - ssim(a, b)) / 2; }

}  // namespace imgring::codec
