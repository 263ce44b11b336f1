// One pass of pulled rows for each question.
#include "imgring/image/luma.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "encoders.h"
#include "operation.h"
#include "row_puller.h"

namespace imgring::image {

namespace {

// `look`: at one row of a picture of 8 bits; false ends it.
template <class Look>
Result<void> each_row(VipsImage* image, const StopFlag& stop, Look look) {
  const int width = vips_image_get_width(image), height = vips_image_get_height(image);
  RowPuller rows(image, stop);
  for (int top = 0; top < height;) {
    IMGRING_TRY(const Strip strip, rows.pull(top));
    for (int row = 0; row < strip.row_count; ++row) {
      if (!look(strip.first + static_cast<std::size_t>(row) * strip.stride_bytes, width)) return {};
    }
    top += strip.row_count;
  }
  return {};
}

}  // namespace

Result<codec::Luma> luma_of(VipsImage* image, int shrink, const StopFlag& stop) {
  IMGRING_TRY(const VipsImagePtr plain, to_8bit_rgb(image, true));
  codec::LumaMaker maker({vips_image_get_width(plain.get()), vips_image_get_height(plain.get()),
                          vips_image_get_bands(plain.get()), shrink});
  const auto add = [&maker](const std::uint8_t* row, int) {
    maker.add_row(row);
    return true;
  };
  IMGRING_TRY_VOID(each_row(plain.get(), stop, add));
  return maker.take();
}

Result<double> grey_entropy(VipsImage* image, const StopFlag& stop) {
  IMGRING_TRY(const VipsImagePtr plain, to_8bit_rgb(image, false));
  IMGRING_TRY(const VipsImagePtr grey, Operation("colourspace")
                                           .set("in", plain.get())
                                           .set("space", static_cast<int>(VIPS_INTERPRETATION_B_W))
                                           .image());
  std::array<double, 256> counts{};
  const auto count = [&](const std::uint8_t* row, int width) {
    for (int x = 0; x < width; ++x) ++counts[row[x]];
    return true;
  };
  IMGRING_TRY_VOID(each_row(grey.get(), stop, count));
  const double all =
      static_cast<double>(vips_image_get_width(image)) * vips_image_get_height(image);
  double bits = 0;
  for (const double n : counts) {
    if (n > 0) bits -= n / all * std::log2(n / all);
  }
  return bits;
}

Result<bool> is_transparent(VipsImage* image, const StopFlag& stop) {
  if (vips_image_hasalpha(image) == 0) return false;
  const int last = vips_image_get_bands(image) - 1;
  IMGRING_TRY(VipsImagePtr alpha,
              Operation("extract_band").set("in", image).set("band", last).image());
  if (vips_image_get_format(image) != VIPS_FORMAT_UCHAR) {
    // The high byte, which tells it but for 1 in 256 of what is nearly whole.
    IMGRING_TRY(alpha, Operation("cast")
                           .set("in", alpha.get())
                           .set("format", static_cast<int>(VIPS_FORMAT_UCHAR))
                           .set("shift", 1)
                           .image());
  }
  bool clear = false;
  const auto look = [&](const std::uint8_t* row, int width) {
    clear = std::any_of(row, row + width, [](std::uint8_t a) { return a < 0xFF; });
    return !clear;
  };
  IMGRING_TRY_VOID(each_row(alpha.get(), stop, look));
  return clear;
}

}  // namespace imgring::image
