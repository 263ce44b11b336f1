// Pictures for sources, made here, and the type and size of pictures that come back, read from
// their headers. Plain functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace imgring::test {

struct PictureFacts {
  std::string type;  // "jpeg", "png", "webp"; "" for anything else
  int width = 0, height = 0;
  bool operator==(const PictureFacts&) const = default;
};
PictureFacts facts_of_picture(std::string_view bytes);

struct PictureSize {
  int width = 0, height = 0;
};
// RGB with slopes and some noise.
std::string png_picture(PictureSize size);
std::string jpeg_picture(PictureSize size);
// One colour, one bit a pixel: few bytes, many pixels.
std::string flat_png(PictureSize size);
// In a gzip frame.
std::string gzipped(std::string_view text);

}  // namespace imgring::test
