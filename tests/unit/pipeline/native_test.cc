// Which plans take the short way.
#include "../../../src/pipeline/native.h"

#include "native_pictures.h"
#include "plan_helpers.h"

namespace imgring::pipeline {
namespace {

using namespace testing;
using enum ImageType;

// Whether the plan of a path is.
struct Asked {
  SourceFacts source = facts(kJpeg, 1000, 800);
  url::RequestOptions options;
  config::ProcessingConfig config;
  ImageType result = kJpeg;
  int frames = 1;
  bool watermark = false;

  bool native() const {
    PlanInput in;
    in.facts = source;
    in.options = &options;
    in.config = &config;
    in.result_type = result;
    in.frames = frames;
    in.watermark = watermark;
    return native_job(make_plan(in), in).has_value();
  }
};

TEST(NativeJob, TakesCutsAndReductions) {
  for (const std::string_view path :
       {"", "w:500", "w:50", "w:2000", "rt:fill/w:300/h:300", "c:500:300/w:100"}) {
    Asked asked;
    asked.options = options_of(path);
    EXPECT_TRUE(asked.native()) << path;
  }
}

TEST(NativeJob, TakesEveryPairOfFormats) {
  for (const ImageType source : {kJpeg, kPng}) {
    for (const ImageType result : {kJpeg, kPng, kWebp}) {
      Asked asked;
      asked.options = options_of("w:400");
      asked.source.type = source;
      asked.source.alpha = source == kPng;
      asked.result = result;
      EXPECT_TRUE(asked.native());
    }
  }
}

TEST(NativeJob, TakesTurns) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    Asked asked;
    asked.options = options_of("w:400/rot:90");
    asked.options.first().flip_vertical = true;
    asked.source.orientation = orientation;
    EXPECT_TRUE(asked.native());
  }
}

// Sums of larger boxes would not fit.
TEST(NativeJob, LeavesBoxesPastTheLimitToLibvips) {
  const int box = codec::kBoxMax;
  Asked asked;
  asked.source = facts(kPng, 2 * box * 100 + 199, 1000);
  asked.options = options_of("rt:force/w:100/h:1000");
  EXPECT_TRUE(asked.native());
  asked.source.width += 1;
  EXPECT_FALSE(asked.native());
}

TEST(NativeJob, LeavesEverythingElseToLibvips) {
  using Change = void (*)(Asked*);
  constexpr Change kChanges[] = {
      [](Asked* a) { a->result = kAvif; },
      [](Asked* a) { a->source.type = kWebp; },
      [](Asked* a) { a->source.type = kPng, a->source.whole_decode = true; },
      [](Asked* a) { a->frames = 2; },
      [](Asked* a) { a->config.use_linear_colorspace = true; },
      [](Asked* a) { a->options.first().blur = 2; },
      [](Asked* a) { a->options.first().sharpen = 2; },
      [](Asked* a) { a->options.first().pixelate = 4; },
      [](Asked* a) { a->options.first().trim.on = true; },
      [](Asked* a) { a->options.max_bytes = 1000; },
      [](Asked* a) { a->options.quality = 19; },
      [](Asked* a) { a->source.width = 255, a->source.height = 256; },
      [](Asked* a) { a->options.first().padding.top = 4; },
      [](Asked* a) { a->options.first().width = 2000, a->options.first().enlarge = true; },
      [](Asked* a) { a->options.first().height = 700, a->options.first().extend.on = true; },
      [](Asked* a) { a->watermark = true, a->options.first().watermark.opacity = 1; },
      [](Asked* a) {
        a->options.first().resizing_type = url::ResizingType::kFill;
        a->options.first().height = 500;
        a->options.first().gravity.type = url::GravityType::kSmart;
      },
  };
  for (std::size_t i = 0; i < std::size(kChanges); ++i) {
    Asked asked;
    asked.options = options_of("w:400");
    ASSERT_TRUE(asked.native());
    kChanges[i](&asked);
    EXPECT_FALSE(asked.native()) << "change " << i;
  }
}

TEST(NativeJob, TakesATurnedSourceThatStaysAsItIs) {
  Asked asked;
  asked.options = options_of("w:400");
  asked.source.orientation = 6;
  asked.options.first().auto_rotate = false;
  EXPECT_TRUE(asked.native());
}

TEST(NativePixels, AreThoseOfPlainSrgb) {
  for (const int bands : {1, 2, 3, 4}) EXPECT_TRUE(has_native_pixels(photo({8, 8}, bands).get()));
  VipsImage* own = nullptr;
  ASSERT_EQ(vips_copy(photo({8, 8}, 3).get(), &own, nullptr), 0);
  const VipsImagePtr picture = checked(own);
  const std::string profile(200, 'p');
  vips_image_set_blob_copy(picture.get(), VIPS_META_ICC_NAME, profile.data(), profile.size());
  EXPECT_FALSE(has_native_pixels(picture.get()));
}

TEST(NativePixels, GreyIsNotPutOnAColour) {
  const VipsImagePtr grey = photo({8, 8}, 2);
  image::NativeJob job;
  job.background = {7, 7, 7};
  EXPECT_TRUE(take_pixels(&job, grey.get()));
  EXPECT_EQ(job.bands, 2);
  EXPECT_EQ(job.result_bands(), 1);
  job.background = {7, 7, 8};
  EXPECT_FALSE(take_pixels(&job, grey.get()));
}

}  // namespace
}  // namespace imgring::pipeline
