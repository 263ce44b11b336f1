// Fuzz target: our own reader of BMP with its pixels.
#include <cstddef>
#include <cstdint>

#include "picture.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace imgring;
  if (image::fuzz::libvips_ready()) image::fuzz::read_picture({data, size}, ImageType::kBmp);
  return 0;
}
