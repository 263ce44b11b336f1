// Fuzz target: our own reader of BMP with its pixels.
#include <cstddef>
#include <cstdint>

#include "picture.h"
#include "target.h"

FUZZ_TARGET(bmp) {
  using namespace imgring;
  if (image::fuzz::libvips_ready()) image::fuzz::read_picture({data, size}, ImageType::kBmp);
  return 0;
}
