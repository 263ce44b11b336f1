// Threads that run libvips: what one of its own is for.
#include "imgring/image/vips_image.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "imgring/image/encoder.h"

namespace imgring::image {
namespace {

std::atomic<int> pixels_made{0};

int make_pixels(VipsRegion* out, void*, void*, void*, gboolean*) {
  pixels_made += out->valid.width * out->valid.height;
  vips_region_black(out);
  return 0;
}

// A picture with alpha that counts how often its pixels are asked for.
VipsImagePtr counted(int side) {
  VipsImagePtr image(vips_image_new());
  vips_image_init_fields(image.get(), side, side, 4, VIPS_FORMAT_UCHAR, VIPS_CODING_NONE,
                         VIPS_INTERPRETATION_sRGB, 1, 1);
  EXPECT_EQ(vips_image_pipelinev(image.get(), VIPS_DEMAND_STYLE_THINSTRIP, nullptr), 0);
  EXPECT_EQ(vips_image_generate(image.get(), nullptr, make_pixels, nullptr, nullptr, nullptr), 0);
  return image;
}

constexpr int kSide = 64;

void convert_there_and_back() {
  pixels_made = 0;
  const VipsImagePtr image = counted(kSide);
  VipsImage* made = nullptr;
  ASSERT_EQ(vips_colourspace(image.get(), &made, VIPS_INTERPRETATION_LABS, nullptr), 0);
  const VipsImagePtr lab(made);
  ASSERT_EQ(vips_colourspace(lab.get(), &made, VIPS_INTERPRETATION_sRGB, nullptr), 0);
  const VipsImagePtr back(made);
  EXPECT_TRUE(copy_to_memory(back.get(), StopFlag{}).has_value());
  job_finished();
}

TEST(VipsThread, PixelsAreMadeOnceInAThreadOfLibvips) {
  start_thread(convert_there_and_back)();
  EXPECT_EQ(pixels_made.load(), kSide * kSide);
}

TEST(VipsThread, RunsItsBodyOnAnotherThreadAndJoins) {
  std::thread::id ran_on = std::this_thread::get_id();
  const auto join = start_thread([&] { ran_on = std::this_thread::get_id(); });
  join();
  EXPECT_NE(ran_on, std::this_thread::get_id());
}

}  // namespace
}  // namespace imgring::image
