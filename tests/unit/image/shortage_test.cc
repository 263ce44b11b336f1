// Shortages that libvips tells of in words and goes on from.
#include <gtest/gtest.h>

#include <thread>

#include "../../../src/image/row_puller.h"
#include "imgring/image/vips_image.h"
#include "test_images.h"

namespace imgring::image::test {
namespace {

void say(const char* words) { vips_error("linecache", "%s", words); }

TEST(Shortage, IsKnownThoughAnotherThreadTookTheWords) {
  drop_vips_error();
  const ShortageWatch watch;
  EXPECT_FALSE(watch.seen());
  say("out of memory");
  EXPECT_TRUE(watch.seen());
  std::thread([] { EXPECT_EQ(take_vips_error(), "linecache: out of memory"); }).join();
  EXPECT_TRUE(watch.seen());
  EXPECT_FALSE(ShortageWatch().seen()) << "what was before";
  say("out of memory");
  drop_vips_error();
  EXPECT_TRUE(watch.seen());
}

TEST(Shortage, OtherFailuresAreNone) {
  const ShortageWatch watch;
  for (const char* words : {"bad number of tiles", "Error creating thread: no room",
                            kShortageWords}) {  // whoever met these two fails by them
    say(words);
    EXPECT_FALSE(watch.seen()) << words;
    drop_vips_error();
  }
  drop_vips_error();
  EXPECT_FALSE(watch.seen());
}

// As a line cache does it; the words are gone before the rows arrive.
int paint_black(VipsRegion* out, void*, void*, void*, gboolean*) {
  vips_region_black(out);
  say("out of memory");
  drop_vips_error();
  return 0;
}

TEST(Shortage, BlackRowsAreNoPicture) {
  const VipsImagePtr image(vips_image_new());
  vips_image_init_fields(image.get(), 32, 32, 3, VIPS_FORMAT_UCHAR, VIPS_CODING_NONE,
                         VIPS_INTERPRETATION_sRGB, 1, 1);
  ASSERT_EQ(vips_image_pipelinev(image.get(), VIPS_DEMAND_STYLE_THINSTRIP, nullptr), 0);
  ASSERT_EQ(vips_image_generate(image.get(), nullptr, paint_black, nullptr, nullptr, nullptr), 0);
  const StopFlag never;
  RowPuller rows(image.get(), never);
  const auto strip = rows.pull(0);
  ASSERT_FALSE(strip.has_value());
  EXPECT_EQ(strip.error().code, ErrorCode::kOverloaded);
}

}  // namespace
}  // namespace imgring::image::test
