// What this libvips can, and that it is not asked on a loop.
#include "imgring/image/abilities.h"

#include <gtest/gtest.h>

#include "imgring/image/loader.h"
#include "imgring/mem/loop_thread.h"
#include "test_images.h"

namespace imgring::image::test {
namespace {

TEST(Abilities, TheUsualFormatsAreLoadedAndSaved) {
  const format::Abilities can = ask_abilities();
  for (const ImageType type : {ImageType::kJpeg, ImageType::kPng, ImageType::kWebp, ImageType::kGif,
                               ImageType::kIco, ImageType::kBmp, ImageType::kTiff}) {
    EXPECT_TRUE(can.can_load(type)) << facts_of(type).name;
    EXPECT_TRUE(can.can_save(type)) << facts_of(type).name;
  }
  EXPECT_TRUE(can.can_load(ImageType::kSvg));
  EXPECT_FALSE(can.can_save(ImageType::kSvg));
  EXPECT_FALSE(can.can_load(ImageType::kUnknown));
  EXPECT_FALSE(can.can_save(ImageType::kUnknown));
}

#ifdef IMGRING_THREAD_CHECKS
TEST(AbilitiesDeathTest, NothingOfLibvipsIsForALoopsThread) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const std::string png = saved_by_vips(picture(4, 4, 3).get(), ".png");
  const auto on_loop = [](auto what) {
    const mem::LoopThread here;
    what();
  };
  EXPECT_DEATH(on_loop([] { ask_abilities(); }), "broken invariant: !.*on_loop");
  EXPECT_DEATH(on_loop([] { (void)has_loader(ImageType::kPng); }), "broken invariant: !.*on_loop");
  EXPECT_DEATH(on_loop([] { (void)vips_has_operation("black"); }), "broken invariant: !.*on_loop");
  EXPECT_DEATH(on_loop([&] { (void)load(bytes_of(png), ImageType::kPng, {}); }),
               "broken invariant: !.*on_loop");
  VipsImagePtr handle = picture(4, 4, 3);
  EXPECT_DEATH(on_loop([&] { handle.reset(); }), "broken invariant: !.*on_loop");
  EXPECT_DEATH(on_loop([&] { (void)save(handle.get(), ImageType::kPng, {}, StopFlag{}); }),
               "broken invariant: !.*on_loop");
}
#endif

}  // namespace
}  // namespace imgring::image::test
