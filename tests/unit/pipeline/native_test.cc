// Which plans take the short way.
#include "../../../src/pipeline/native.h"

#include "imgring/pipeline/render.h"
#include "native_pictures.h"
#include "plan_helpers.h"

namespace imgring::pipeline {
namespace {

using namespace testing;
using enum ImageType;

// How far the plan of a path is native.
struct AskedPlan {
  SourceFacts source = facts(kJpeg, 1000, 800);
  url::RequestOptions options;
  config::ProcessingConfig config;
  ImageType result = kJpeg;
  int frames = 1;
  bool watermark = false;
  NativePixels pixels;

  PlanInput input() const {
    PlanInput in;
    in.facts = source;
    in.options = &options;
    in.config = &config;
    in.result_type = result;
    in.frames = frames;
    static const AuxImage kMark;
    in.configured_mark = watermark ? &kMark : nullptr;
    return in;
  }
  std::optional<NativePlan> plan() const {
    const PlanInput in = input();
    return native_plan(make_plan(in), in, pixels);
  }
  bool native() const {
    const auto made = plan();
    return made && made->whole;
  }
  // The last step that is native where libvips goes on behind it; kEnd: none is.
  StepKind front() const {
    const auto made = plan();
    if (!made || made->whole) return StepKind::kEnd;
    EXPECT_TRUE(made->front);
    return make_plan(input()).steps[made->steps - 1].kind;
  }
};

TEST(NativePlan, TakesCutsAndReductions) {
  for (const std::string_view path :
       {"", "w:500", "w:50", "w:2000", "rt:fill/w:300/h:300", "c:500:300/w:100"}) {
    AskedPlan asked;
    asked.options = options_of(path);
    EXPECT_TRUE(asked.native()) << path;
  }
}

TEST(NativePlan, TakesEveryPairOfFormats) {
  for (const ImageType source : {kJpeg, kPng}) {
    for (const ImageType result : {kJpeg, kPng, kWebp}) {
      AskedPlan asked;
      asked.options = options_of("w:400");
      asked.source.type = source;
      asked.source.alpha = source == kPng;
      asked.result = result;
      EXPECT_TRUE(asked.native());
    }
  }
}

// From half their size on; not where a child reads them.
TEST(NativePlan, TakesStillWebpThatIsMadeSmaller) {
  using Change = void (*)(AskedPlan*);
  struct Case {
    Change change;
    bool native;
  };
  constexpr Case kCases[] = {
      {[](AskedPlan*) {}, true},
      {[](AskedPlan* a) { a->options = options_of("w:501"); }, true},
      {[](AskedPlan* a) { a->options = options_of("rt:force/w:100/h:401"); }, true},
      {[](AskedPlan* a) { a->options = options_of("rt:fill/w:300/h:300/rot:90"); }, true},
      {[](AskedPlan* a) { a->options = options_of(""); }, false},
      {[](AskedPlan* a) { a->config.disable_shrink_on_load = true; }, false},
      {[](AskedPlan* a) { a->config.sandbox = config::Sandbox::kAll; }, false},
      {[](AskedPlan* a) { a->source.pages = 2; }, false},
      {[](AskedPlan* a) { a->source.animated = true; }, false},
      {[](AskedPlan* a) { a->source.alpha = true; }, true},
  };
  for (std::size_t i = 0; i < std::size(kCases); ++i) {
    AskedPlan asked;
    asked.source.type = kWebp;
    asked.options = options_of("w:500");
    kCases[i].change(&asked);
    EXPECT_EQ(asked.native(), kCases[i].native) << "case " << i;
  }
}

TEST(NativePlan, TakesTurns) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    AskedPlan asked;
    asked.options = options_of("w:400/rot:90");
    asked.options.first().flip_vertical = true;
    asked.source.orientation = orientation;
    EXPECT_TRUE(asked.native());
  }
}

// Sums of larger boxes would not fit.
TEST(NativePlan, LeavesBoxesPastTheLimitToLibvips) {
  const int box = codec::kBoxMax;
  AskedPlan asked;
  asked.source = facts(kPng, 2 * box * 100 + 199, 1000);
  asked.options = options_of("rt:force/w:100/h:1000");
  EXPECT_TRUE(asked.native());
  asked.source.width += 1;
  EXPECT_FALSE(asked.native());
}

// What stands behind the named step is libvips'.
TEST(NativePlan, TakesTheBeginningOfOthers) {
  using Change = void (*)(AskedPlan*);
  struct Case {
    Change change;
    StepKind last;
  };
  constexpr Case kCases[] = {
      {[](AskedPlan* a) { a->result = kAvif; }, StepKind::kScale},
      {[](AskedPlan* a) { a->result = kBmp; }, StepKind::kScale},
      {[](AskedPlan* a) { a->result = kTiff, a->options.first().background = {1, 2, 3}; },
       StepKind::kFlatten},
      {[](AskedPlan* a) { a->pixels.profile = true; }, StepKind::kFlatten},
      {[](AskedPlan* a) { a->options.first().blur = 18; }, StepKind::kScale},
      {[](AskedPlan* a) { a->options.first().sharpen = 7.5; }, StepKind::kScale},
      {[](AskedPlan* a) { a->options.first().sharpen = 1, a->pixels.bands = 1; }, StepKind::kScale},
      {[](AskedPlan* a) { a->options.first().sharpen = 1, a->result = kAvif; }, StepKind::kFilters},
      {[](AskedPlan* a) { a->options.first().pixelate = 4, a->options.first().rotate = 90; },
       StepKind::kTurn},
      {[](AskedPlan* a) { a->options.first().padding.top = 4; }, StepKind::kScale},
      {[](AskedPlan* a) { a->options.first().height = 700, a->options.first().extend.on = true; },
       StepKind::kScale},
      {[](AskedPlan* a) { a->watermark = true, a->options.first().watermark.opacity = 1; },
       StepKind::kFlatten},
      {[](AskedPlan* a) {
         a->options.first().resizing_type = url::ResizingType::kFill;
         a->options.first().height = 500;
         a->options.first().gravity.type = url::GravityType::kSmart;
       },
       StepKind::kScale},
      {[](AskedPlan* a) {  // grey becomes colour there
         a->source.type = kPng, a->source.alpha = true, a->pixels.bands = 2;
         a->options.first().background = {7, 7, 8};
       },
       StepKind::kScale},
  };
  for (std::size_t i = 0; i < std::size(kCases); ++i) {
    AskedPlan asked;
    asked.options = options_of("w:400");
    ASSERT_TRUE(asked.native());
    kCases[i].change(&asked);
    EXPECT_EQ(name_of(asked.front()), name_of(kCases[i].last)) << "case " << i;
  }
}

TEST(NativePlan, LeavesEverythingElseToLibvips) {
  using Change = void (*)(AskedPlan*);
  constexpr Change kChanges[] = {
      [](AskedPlan* a) { a->source.type = kPng, a->source.whole_decode = true; },
      [](AskedPlan* a) { a->frames = 2; },
      [](AskedPlan* a) { a->config.use_linear_colorspace = true; },
      [](AskedPlan* a) { a->options.first().trim.on = true; },
      [](AskedPlan* a) { a->options.max_bytes = 1000; },
      [](AskedPlan* a) { a->result = kGif; },
      [](AskedPlan* a) { a->result = kJxl; },
      [](AskedPlan* a) {
        a->result = kPng, a->options.encoders.png_quantize = true;
        a->options.first().padding.top = 4;
      },
      [](AskedPlan* a) { a->options.quality = 19; },
      [](AskedPlan* a) { a->source.width = 255, a->source.height = 256; },
      [](AskedPlan* a) { a->options.first().width = 2000, a->options.first().enlarge = true; },
      // A scale is behind what libvips has to do.
      [](AskedPlan* a) {
        a->options.first().crop.width = a->options.first().crop.height = 500;
        a->options.first().gravity.type = url::GravityType::kSmart;
      },
  };
  for (std::size_t i = 0; i < std::size(kChanges); ++i) {
    AskedPlan asked;
    asked.options = options_of("w:400");
    ASSERT_TRUE(asked.native());
    kChanges[i](&asked);
    EXPECT_FALSE(asked.plan().has_value()) << "change " << i;
  }
}

// The picture in memory has a largest size, rows that are written at once have none.
TEST(NativePlan, LeavesLargePicturesInMemoryToLibvips) {
  AskedPlan asked;
  asked.source = facts(kJpeg, 4096, 1365);  // 4096 * 1365 * 3 is just below 16 MiB
  EXPECT_TRUE(asked.native());
  asked.result = kAvif;
  ASSERT_TRUE(asked.plan().has_value());
  asked.source.height = 1366;
  EXPECT_FALSE(asked.plan().has_value());
  asked.result = kJpeg;
  ASSERT_TRUE(asked.native());
  EXPECT_FALSE(asked.plan()->front);
}

TEST(NativePlan, MemoryOfTheFrontIsCounted) {
  AskedPlan asked;
  asked.options = options_of("w:500");
  PlanInput in = asked.input();
  // A profile that is no matrix, or metadata that we don't write, makes a front of it.
  EXPECT_EQ(front_bytes(make_plan(in), in), 500.0 * 400 * 3);
  asked.result = ImageType::kGif;
  in = asked.input();
  EXPECT_EQ(front_bytes(make_plan(in), in), 0);
  asked.result = ImageType::kJpeg;
  asked.options.first().height = 700;
  asked.options.first().extend.on = true;
  in = asked.input();
  EXPECT_EQ(front_bytes(make_plan(in), in), 500.0 * 400 * 3);
  in.facts.alpha = true;
  in.facts.type = kPng;
  EXPECT_EQ(front_bytes(make_plan(in), in), 500.0 * 400 * 4);
}

TEST(NativePlan, BlursAndSharpens) {
  AskedPlan asked;
  asked.options = options_of("w:400");
  asked.options.first().blur = codec::kBlurRowsSigmaMax;
  asked.options.first().sharpen = codec::kSharpenRowsSigmaMax;
  const auto made = asked.plan();
  ASSERT_TRUE(made && made->whole);
  EXPECT_EQ(made->job.blur, codec::kBlurRowsSigmaMax);
  EXPECT_EQ(made->job.sharpen, codec::kSharpenRowsSigmaMax);
  asked.options.first().blur = 0.1;  // no blur at all for libvips
  EXPECT_EQ(asked.plan()->job.blur, 0);
}

// A profile of curves and a matrix goes behind everything; one that the result keeps stays.
TEST(NativePlan, TakesProfilesItKnowsAndThoseThatAreKept) {
  AskedPlan asked;
  asked.options = options_of("w:400");
  asked.pixels.profile = true;
  EXPECT_FALSE(asked.native());
  asked.pixels.matrix = std::make_shared<codec::MatrixProfile>();
  ASSERT_TRUE(asked.native());
  EXPECT_EQ(asked.plan()->job.profile, asked.pixels.matrix);
  asked.options.first().pixelate = 4;  // libvips' steps come before it
  EXPECT_EQ(asked.plan()->job.profile, nullptr);
  asked.options.first().pixelate = 1;
  asked.options.strip_color_profile = false;
  ASSERT_TRUE(asked.native());
  EXPECT_EQ(asked.plan()->job.profile, nullptr);
  asked.pixels.matrix = nullptr;
  EXPECT_TRUE(asked.native());
}

TEST(NativePlan, TakesATurnedSourceThatStaysAsItIs) {
  AskedPlan asked;
  asked.options = options_of("w:400");
  asked.source.orientation = 6;
  asked.options.first().auto_rotate = false;
  EXPECT_TRUE(asked.native());
}

TEST(NativePixels, AreThoseOfPlainSrgb) {
  for (const int bands : {1, 2, 3, 4}) {
    const auto pixels = native_pixels(photo({8, 8}, bands).get());
    ASSERT_TRUE(pixels.has_value());
    EXPECT_EQ(pixels->bands, bands);
    EXPECT_FALSE(pixels->profile);
  }
  VipsImage* own = nullptr;
  ASSERT_EQ(vips_copy(photo({8, 8}, 3).get(), &own, nullptr), 0);
  const VipsImagePtr picture = checked(own);
  const std::string profile(200, 'p');
  vips_image_set_blob_copy(picture.get(), VIPS_META_ICC_NAME, profile.data(), profile.size());
  EXPECT_TRUE(native_pixels(picture.get())->profile);
  ASSERT_EQ(vips_cast(picture.get(), &own, VIPS_FORMAT_USHORT, nullptr), 0);
  EXPECT_FALSE(native_pixels(checked(own).get()).has_value());
}

TEST(NativePlan, GreyIsNotPutOnAColour) {
  AskedPlan asked;
  asked.source = facts(kPng, 1000, 800);
  asked.source.alpha = true;
  asked.pixels.bands = 2;
  asked.options.first().background = {7, 7, 7};
  const auto made = asked.plan();
  ASSERT_TRUE(made && made->whole);
  EXPECT_EQ(made->job.result_bands(), 1);
  asked.options.first().background = {7, 7, 8};
  EXPECT_FALSE(asked.native());
}

}  // namespace
}  // namespace imgring::pipeline
