// Tests of src/pipeline/render_info.cc and info_pixels.cc: what is told of pictures made here.
#include "imgring/info/json.h"
#include "imgring/url/info_options.h"
#include "render_helpers.h"

namespace imgring::pipeline {
namespace {

using namespace testing;

// Nothing is on but what a test sets.
url::InfoOptions nothing() {
  url::InfoOptions out;
  out.size = out.format = out.dimensions = out.exif = out.iptc = out.xmp = false;
  return out;
}

struct AskedInfo {
  std::string source;
  ImageType type = ImageType::kPng;
  url::InfoOptions wanted = nothing();
  url::RequestOptions request{};
  bool cut = false;

  Result<RenderedImage> run() const {
    const url::RequestOptions options = info_picture_options(request, wanted);
    const config::ProcessingConfig config;
    const InfoRequest info{&wanted, static_cast<std::int64_t>(source.size()), cut};
    RenderJob job;
    job.source = as_bytes(source);
    job.source_type = type;
    job.options = &options;
    job.config = &config;
    job.info = &info;
    return render(job, image::StopFlag());
  }
  std::string told() const {
    const auto answer = run();
    return answer ? std::string(as_text(answer->bytes.span())) : answer.error().detail;
  }
};

TEST(RenderInfo, AverageAndPaletteOfQuarters) {
  AskedInfo asked{encoded(quarters(40, 20).get(), ".png")};
  asked.wanted.average = true;
  asked.wanted.palette = 4;
  EXPECT_EQ(asked.told(),
            R"({"palette":[{"R":0,"G":0,"B":255,"A":255},{"R":0,"G":255,"B":0,"A":255},)"
            R"({"R":255,"G":0,"B":0,"A":255},{"R":255,"G":255,"B":255,"A":255}],)"
            R"("average":{"R":128,"G":128,"B":128,"A":255}})");
}

TEST(RenderInfo, OneClearPixelOfALargePicture) {
  VipsImagePtr picture = plain(3000, 1200, {10, 20, 30, 255});
  AskedInfo asked{encoded(picture.get(), ".png")};
  asked.wanted.alpha = asked.wanted.check_transparency = true;
  EXPECT_EQ(asked.told(), R"({"alpha":true,"transparency":false})");
  picture = put(picture.get(), plain(1, 1, {10, 20, 30, 254}).get(), 2999, 1199);
  asked.source = encoded(picture.get(), ".png");
  EXPECT_EQ(asked.told(), R"({"alpha":true,"transparency":true})");
  asked.source = encoded(plain(30, 20, {10, 20, 30}).get(), ".png");
  EXPECT_EQ(asked.told(), R"({"alpha":false,"transparency":false})");
}

// Opaque alpha of a picture that is made smaller stays opaque: its hash has none.
TEST(RenderInfo, OpaqueAlphaMakesNoDifference) {
  AskedInfo asked{encoded(plain(1500, 700, {90, 120, 30, 255}).get(), ".png")};
  asked.wanted.thumb_hash = true;
  asked.wanted.blurhash_x = asked.wanted.blurhash_y = 3;
  const std::string with_alpha = asked.told();
  asked.source = encoded(plain(1500, 700, {90, 120, 30}).get(), ".png");
  EXPECT_EQ(asked.told(), with_alpha);
}

TEST(RenderInfo, CropIsThatOfPictures) {
  AskedInfo asked{encoded(quarters(400, 200).get(), ".png")};
  struct Case {
    url::Crop crop;
    std::string_view told;
  };
  using enum url::GravityType;
  const Case cases[] = {
      {{100, 50, {kUnset, 0, 0}}, R"("left":0.375,"top":0.38,"width":0.25,"height":0.25)"},
      {{100, 50, {kSouthEast, 0, 0}}, R"("left":0.75,"top":0.75,"width":0.25,"height":0.25)"},
      {{100, 50, {kNorthWest, 20, 10}}, R"("left":0.05,"top":0.05,"width":0.25,"height":0.25)"},
      {{0.5, 0.5, {kFocusPoint, 1, 1}}, R"("left":0.5,"top":0.5,"width":0.5,"height":0.5)"},
      {{1000, 50, {kWest, 0, 0}}, R"("left":0,"top":0.38,"width":1,"height":0.25)"},
  };
  for (const Case& c : cases) {
    asked.wanted.crop = c.crop;
    EXPECT_EQ(asked.told(), "{\"crop\":{" + std::string(c.told) + "}}");
  }
  // By interest: the one corner that is not flat.
  VipsImagePtr picture = plain(2000, 1000, {100, 100, 100});
  asked.source = encoded(put(picture.get(), quarters(80, 80).get(), 1880, 880).get(), ".png");
  asked.wanted.crop = {200, 200, {kSmart, 0, 0}};
  const std::string told = asked.told();
  double left = 0, top = 0;
  EXPECT_EQ(std::sscanf(told.c_str(), "{\"crop\":{\"left\":%lf,\"top\":%lf", &left, &top), 2);
  EXPECT_GT(left, 0.8) << told;
  EXPECT_GT(top, 0.6) << told;
}

TEST(RenderInfo, LoadedAsItIs) {
  AskedInfo asked;
  asked.wanted.colorspace = asked.wanted.bands = asked.wanted.sample_format = true;
  asked.wanted.pages_number = true;
  asked.source = encoded(plain(8, 8, {100}).get(), ".png");
  EXPECT_EQ(asked.told(),
            R"({"colorspace":"b-w","bands":1,"sample_format":"uchar","pages_number":1})");
  asked.type = ImageType::kGif;
  asked.source = animation(8, 8, {{250, 0, 0}, {0, 250, 0}, {0, 0, 250}});
  EXPECT_NE(asked.told().find("\"pages_number\":3"), std::string::npos);
}

TEST(RenderInfo, OfThePageThatIsAskedFor) {
  AskedInfo asked;
  asked.type = ImageType::kGif;
  asked.source = animation(8, 8, {{250, 0, 0}, {0, 250, 0}, {0, 0, 250}});
  asked.wanted.average = asked.wanted.pages_number = true;
  const auto told_of = [&](int page) {
    asked.request.page = asked.wanted.page = page;
    return asked.told();
  };
  constexpr std::string_view kHead = "{\"pages_number\":3,\"average\":{";
  EXPECT_EQ(told_of(0), std::string(kHead) + R"("R":250,"G":0,"B":0,"A":255}})");
  EXPECT_EQ(told_of(1), std::string(kHead) + R"("R":0,"G":250,"B":0,"A":255}})");
  // There are no more of them.
  EXPECT_EQ(told_of(9), std::string(kHead) + R"("R":0,"G":0,"B":250,"A":255}})");
  asked.request.max_src_resolution = 8 * 8;
  EXPECT_EQ(asked.run().has_value(), true);
  // All of them different: newer savers write equal ones once.
  std::vector<std::vector<double>> more;
  for (int i = 0; i < 6; ++i) more.push_back({40.0 * i, 0, 250});
  asked.source = animation(8, 8, more);
  const auto far = asked.run();
  ASSERT_FALSE(far.has_value());
  EXPECT_EQ(far.error().code, ErrorCode::kResolutionTooLarge);
}

TEST(RenderInfo, LimitsHoldForPixelsOnly) {
  AskedInfo asked{encoded(plain(400, 300, {1, 2, 3}).get(), ".png")};
  asked.request.max_src_resolution = 100'000;
  asked.wanted.bands = true;
  EXPECT_EQ(asked.told(), R"({"bands":3})");
  for (const int which : {0, 1, 2}) {
    AskedInfo pixels = asked;
    if (which == 0) pixels.wanted.average = true;
    if (which == 1) pixels.wanted.alpha = pixels.wanted.check_transparency = true;
    if (which == 2) pixels.wanted.crop = {10, 10, {}};
    const auto answer = pixels.run();
    ASSERT_FALSE(answer.has_value()) << which;
    EXPECT_EQ(answer.error().code, ErrorCode::kResolutionTooLarge) << which;
  }
}

TEST(RenderInfo, OfABeginningAndOfGarbage) {
  AskedInfo asked{encoded(quarters(640, 480).get(), ".jpg"), ImageType::kJpeg};
  asked.wanted.dimensions = asked.wanted.size = true;
  const std::string whole = asked.told();
  EXPECT_EQ(whole, "{\"size\":" + std::to_string(asked.source.size()) +
                       ",\"width\":640,\"height\":480,\"orientation\":1}");
  asked.source.resize(700);
  asked.cut = true;
  asked.wanted.size = false;
  EXPECT_EQ(asked.told(), R"({"width":640,"height":480,"orientation":1})");
  asked.cut = false;
  asked.source = "\xFF\xD8\xFF\xE0 garbage";
  const auto answer = asked.run();
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::kBrokenImage);
}

TEST(RenderInfo, StopsWhenItIsAsked) {
  AskedInfo asked{encoded(quarters(640, 480).get(), ".png")};
  asked.wanted.average = true;
  const url::RequestOptions options = info_picture_options(asked.request, asked.wanted);
  const config::ProcessingConfig config;
  const InfoRequest info{&asked.wanted, 0, false};
  RenderJob job;
  job.source = as_bytes(asked.source);
  job.source_type = ImageType::kPng;
  job.options = &options;
  job.config = &config;
  job.info = &info;
  image::StopFlag stop;
  stop.stop(StopReason::kTimeout);
  const auto answer = render(job, stop);
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::kTimeout);
}

}  // namespace
}  // namespace imgring::pipeline
