// Which formats a setting shuts in.
#include "imgring/image/shelter.h"

#include <gtest/gtest.h>

namespace imgring::image {
namespace {

TEST(Shelter, ScopesSayWhatIsShutIn) {
  using enum ImageType;
  using config::Sandbox;
  for (const ImageType type : {kJpeg, kPng, kBmp, kIco, kSvg}) {
    EXPECT_FALSE(loaded_by_child(type, Sandbox::kAll));
    EXPECT_FALSE(saved_by_child(type, Sandbox::kAll));
  }
  for (const ImageType type : {kAvif, kHeic, kTiff, kJxl}) {
    EXPECT_FALSE(loaded_by_child(type, Sandbox::kSvg));
    EXPECT_TRUE(loaded_by_child(type, Sandbox::kRisky));
    EXPECT_TRUE(loaded_by_child(type, Sandbox::kAll));
  }
  for (const ImageType type : {kGif, kWebp}) {
    EXPECT_FALSE(loaded_by_child(type, Sandbox::kRisky));
    EXPECT_TRUE(loaded_by_child(type, Sandbox::kAll));
  }
  for (const ImageType type : {kAvif, kHeic}) {
    EXPECT_FALSE(saved_by_child(type, Sandbox::kSvg));
    EXPECT_TRUE(saved_by_child(type, Sandbox::kRisky));
  }
}

}  // namespace
}  // namespace imgring::image
