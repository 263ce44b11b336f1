// Fuzz target: our own reader of ICO with its pixels.
#include <cstddef>
#include <cstdint>

#include "picture.h"
#include "target.h"

FUZZ_TARGET(ico) {
  using namespace imgring;
  if (image::fuzz::libvips_ready()) image::fuzz::read_picture({data, size}, ImageType::kIco);
  return 0;
}
